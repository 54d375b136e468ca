/** A server over a real tree, with a state in memory, and a client that types command lines. */
import assert from "node:assert/strict";
import { openJail, PathLocks } from "../../src/fs/mod.ts";
import {
  type DbName,
  fromBytes,
  type HostName,
  percentDecode,
  toBytes,
} from "../../src/model/mod.ts";
import { type Duplex, duplexPair } from "../../src/net/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { Contexts, type Doors, serve, type ServeOptions } from "../../src/serve/mod.ts";
import { MemoryStore } from "../../src/state/mod.ts";
import { configOf, keyOf } from "./config.ts";

export const KEY = keyOf("k");
export const CLIENT_ADDRESS = "127.27.0.1";

/** Listener whose connections are made by `connect`. */
export class MemoryDoors implements Doors {
  readonly address = { address: "127.27.0.2", port: 30865 };
  readonly #waiting: Duplex[] = [];
  #wake = () => {};
  #isClosed = false;

  connect(address: string): Duplex {
    const [client, server] = duplexPair({ first: { address, port: 1234 } });
    this.#waiting.push(server);
    this.#wake();
    return client;
  }

  async *accept(): AsyncGenerator<Duplex> {
    while (!this.#isClosed) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((go) => this.#wake = go);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }
}

export interface ServerBedOptions {
  /** Statements of the group besides host, key and include. */
  readonly group?: string;
  readonly hosts?: string;
  /** The whole configuration; `ROOT` stands for the tree. */
  readonly config?: string;
  readonly serve?: Partial<ServeOptions>;
}

export class ServerBed implements AsyncDisposable {
  readonly root = Deno.makeTempDirSync({ prefix: "csync2-serve-" });
  readonly state = new MemoryStore();
  readonly reporter = new MemoryReporter();
  readonly stop = new AbortController();
  readonly abort = new AbortController();
  readonly locks = new PathLocks();
  readonly #doors = new MemoryDoors();
  readonly #contexts: Contexts;
  readonly ended: Promise<void>;
  opened = 0;
  isCurrent = true;

  constructor(
    { group = "", hosts = "a.demo b.demo c.demo", config, serve: more }: ServerBedOptions = {},
  ) {
    const text = (config ??
      `nossl * *; group g { host ${hosts}; key k; include ROOT; ${group} }`)
      .replaceAll("ROOT", this.root);
    const parsed = configOf(text, { host: "b.demo" });
    this.#contexts = new Contexts({
      reporter: this.reporter,
      open: (name) => {
        if (name !== "") throw new Error("no such configuration");
        this.opened++;
        this.isCurrent = true;
        return Promise.resolve({
          config: parsed,
          state: this.state,
          jail: openJail(),
          locks: this.locks,
          isCurrent: () => this.isCurrent,
          [Symbol.asyncDispose]: () => Promise.resolve(),
        });
      },
    });
    this.ended = serve(this.#doors, {
      contexts: this.#contexts,
      reporter: this.reporter,
      hostName: "b.demo",
      resolvesTo: (name, address) =>
        Promise.resolve(name.endsWith(".demo") && address === CLIENT_ADDRESS),
      stop: this.stop.signal,
      abort: this.abort.signal,
      ...more,
    });
  }

  connect(address = CLIENT_ADDRESS): Typist {
    return new Typist(this.#doors.connect(address));
  }

  /** Connected, configured and identified. */
  async client(name = "a.demo"): Promise<Typist> {
    const typist = this.connect();
    await typist.expect("CONFIG ", "OK (cmd_finished).");
    await typist.expect(`HELLO ${name}`, "OK (cmd_finished).");
    return typist;
  }

  path(name: string): string {
    return `${this.root}/${name}`;
  }

  async rows(): Promise<string[]> {
    const pages = await Array.fromAsync(this.state.dirtyRows());
    return pages.flat().map(({ name, peer }) => `${peer} ${name.slice(this.root.length + 1)}`);
  }

  texts(level: number): string[] {
    return this.reporter.events.filter((e) => e.level <= level).map((e) =>
      e.text.replaceAll(this.root, "ROOT")
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort.abort();
    await this.ended;
    await this.#contexts[Symbol.asyncDispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}

export const HOST = "a.demo" as HostName;

/** Types lines and reads answers. */
export class Typist implements AsyncDisposable {
  constructor(readonly duplex: Duplex, readonly key: string = KEY) {}

  async send(text: string | Uint8Array): Promise<void> {
    await this.duplex.write(text);
    await this.duplex.flush();
  }

  async line(): Promise<string | undefined> {
    return await this.duplex.readLine(20_000);
  }

  async ask(command: string): Promise<string | undefined> {
    await this.send(`${command}\n`);
    return await this.line();
  }

  async expect(command: string, reply: string | RegExp): Promise<void> {
    const found = await this.ask(command) ?? "(end of connection)";
    if (typeof reply === "string" ? found === reply : reply.test(found)) return;
    throw new Error(`${command}: expected ${reply}, found ${found}`);
  }

  /** The octet-stream that follows. */
  async stream(): Promise<Uint8Array> {
    const header = await this.line();
    const size = Number(header?.replace("octet-stream ", ""));
    let text = "";
    while (text.length < size) {
      text += fromBytes((await this.duplex.readSome(size - text.length))!);
    }
    return toBytes(text);
  }

  /** PATCH with a delta; the final line, or the refusal. */
  async patch(name: string, delta: Uint8Array | string, more = ""): Promise<string | undefined> {
    const word = more === "" ? "PATCH" : "ATOMICPATCH";
    const first = await this.ask(`${word} ${this.key} ${name}${more}`);
    if (first !== "OK (send_data).") return first;
    await this.stream();
    await this.send(`octet-stream ${delta.length}\n`);
    await this.send(delta);
    return await this.line();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.duplex[Symbol.asyncDispose]();
  }
}

/** A delta of literals only. */
export function literal(content: string): Uint8Array {
  const size = content.length;
  const head = size === 0
    ? ""
    : `\x43${String.fromCharCode(size >> 24 & 255, size >> 16 & 255, size >> 8 & 255, size & 255)}`;
  return toBytes(`rs\x02\x36${head}${content}\0`);
}

/** The reply of every command that succeeded. */
export const FINISHED = "OK (cmd_finished).";

/** What a test with a server of its own does; the server gives every lock back. */
export function withServer(
  work: (bed: ServerBed) => Promise<void>,
  options: ServerBedOptions = {},
): () => Promise<void> {
  return async () => {
    await using bed = new ServerBed(options);
    await work(bed);
    assert.deepEqual(bed.locks.size, 0);
  };
}

export async function stored(bed: ServerBed, name: string): Promise<string | undefined> {
  const record = await bed.state.record(bed.path(name) as DbName);
  return record && percentDecode(record.stored);
}

/** SIG of a file that is there. */
export async function sig(client: Typist, name: string): Promise<void> {
  await client.expect(`SIG ${KEY} ${name}`, /^OK/);
  await client.line();
  await client.stream();
  assert.deepEqual(await client.line(), FINISHED);
}

export async function bye(client: Typist): Promise<void> {
  await client.expect("BYE", "OK (cu_later).");
  assert.deepEqual(await client.line(), undefined);
  await client[Symbol.asyncDispose]();
}
