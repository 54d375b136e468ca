/**
 * One host of the tests that cut connections: ours in this process, ours in processes that can be
 * killed, or Debian's csync2.
 */
import { DatabaseSync } from "node:sqlite";
import { type Host, LineWriter, main } from "../../src/cli/mod.ts";
import { isTempName, openReadJail } from "../../src/fs/mod.ts";
import { type DiskPath, type Entry, fromBytes, percentDecode } from "../../src/model/mod.ts";
import type { Ran } from "./cluster.ts";
import type { CutProxy } from "./cut_proxy.ts";
import { environment, ourWords } from "./program.ts";

/** `inner`: ours in this process. `process`: ours in processes. `c`: Debian's csync2. */
export type NodeKind = "inner" | "process" | "c";

const DEADLINE_MS = 30_000;
const POLL_MS = 1;
/** So long a server of ours is given to accept a connection that was reset at once: it need not see it. */
const RESET_GRACE_MS = 300;

/** What an object is to csync2, and its content. */
export interface Seen {
  readonly kind: string;
  readonly mode: number;
  readonly owner: string;
  /** Of what has a recorded one: neither directories nor links. */
  readonly mtime?: bigint;
  /** Bytes of a file, target of a link. */
  readonly content: string;
}

/** By path below the tree. */
export type Tree = ReadonlyMap<string, Seen>;

export interface NodeOptions {
  readonly base: string;
  readonly host: string;
  readonly port: number;
  /** The real directory. */
  readonly tree: string;
  /** Where a C program sees it. */
  readonly mount: string;
}

/** What all kinds have in common: directories, and a look at tree and database from outside. */
export abstract class CutNode {
  abstract readonly isOurs: boolean;
  protected saidByServer: string[] = [];

  constructor(protected readonly options: NodeOptions) {
    for (const dir of ["etc", "db", "kept/tree", "kept/db"]) {
      Deno.mkdirSync(`${options.base}/${dir}`, { recursive: true });
    }
    Deno.mkdirSync(options.tree, { recursive: true });
  }

  abstract run(...args: string[]): Promise<Ran>;
  /** Starts a server unless there is one. */
  abstract start(): Promise<void>;
  /** Until the server has nothing to do for a connection that the proxy saw ending. */
  abstract quiet(proxy: CutProxy): Promise<void>;
  /** Before the database is replaced. */
  abstract stop(): Promise<void>;
  /** At the end of the test. */
  abstract end(): Promise<void>;
  /** SIGKILL to the server, or to the client that runs. */
  abstract kill(): Promise<void>;

  get base(): string {
    return this.options.base;
  }

  get host(): string {
    return this.options.host;
  }

  get tree(): string {
    return this.options.tree;
  }

  /** Where the program sees an object. */
  path(name: string): string {
    return `${this.isOurs ? this.tree : this.options.mount}/${name}`;
  }

  protected ownArguments(): string[] {
    const { host, base, port } = this.options;
    return ["-N", host, "-D", `${base}/db`, "-p", `${port}`];
  }

  protected environment(): Record<string, string> {
    return { ...environment(`${this.base}/etc`), PWD: "/" };
  }

  /** Objects of the tree. Temporary ones of ours only if they are asked for. */
  look({ temporary = true }: { temporary?: boolean } = {}): Map<string, Seen> {
    using jail = openReadJail();
    const found = new Map<string, Seen>();
    const visit = (dir: string) => {
      for (const { name } of Deno.readDirSync(`${this.tree}/${dir}`)) {
        const path = dir === "" ? name : `${dir}/${name}`;
        const whole = `${this.tree}/${path}`;
        const entry = jail.look({ anchor: "/" as DiskPath, below: whole.slice(1) });
        if (entry.kind === "absent" || (!temporary && isTempName(name))) continue;
        found.set(path, seen(entry, whole));
        if (entry.kind === "dir") visit(path);
      }
    };
    visit("");
    return found;
  }

  /** Names below the tree, decoded; records with their check text. */
  table(table: "dirty" | "file" | "csync3_intent"): string[] {
    const db = new DatabaseSync(`${this.base}/db/${this.host}.db3`);
    try {
      const known = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
      if (known.get(table) === undefined) return [];
      const column = table === "file"
        ? "CAST(filename AS TEXT) || ' ' || CAST(checktxt AS TEXT)"
        : "CAST(filename AS TEXT)";
      const rows = db.prepare(`SELECT ${column} AS text FROM ${table} ORDER BY 1`).all();
      return rows.map(({ text }) => this.#short(percentDecode(String(text))));
    } finally {
      db.close();
    }
  }

  #short(name: string): string {
    const { mount } = this.options;
    return name.replace(/^%tree%\/?/, "").replace(`${mount}/`, "").replace(mount, "");
  }
}

/** Ours in this process: the fastest. */
export class InnerNode extends CutNode {
  readonly isOurs = true;
  #ending = new AbortController();
  #served: Promise<unknown> | undefined;

  async run(...args: string[]): Promise<Ran> {
    const out: string[] = [], err: string[] = [];
    const { signal } = new AbortController();
    const rc = await within(main(this.#host(args, { out, err, signal })), args.join(" "));
    return { rc, stdout: out.join(""), stderr: err.join("") };
  }

  async start(): Promise<void> {
    if (this.#served !== undefined) return;
    this.saidByServer = [];
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    this.#served = main(this.#host(["-ii", "-v"], { out: [], err: this.saidByServer, signal }));
    await until(() => this.#count("Listening on ") > 0, `the server at ${this.host}`);
  }

  #count(text: string): number {
    return this.saidByServer.filter((line) => line.includes(text)).length;
  }

  async quiet(proxy: CutProxy): Promise<void> {
    if (proxy.connections > 0) await within(proxy.ended, "the server's end of the connection");
    if (!proxy.wasReset) return;
    const isOver = () => {
      const count = this.#count("New connection from ");
      return count > 0 && this.#count("Connection closed.") === count;
    };
    const startMs = performance.now();
    while (!isOver() && performance.now() - startMs < RESET_GRACE_MS) await sleep();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    if (this.#served !== undefined) await within(this.#served, "the end of the server");
    this.#served = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
  }

  kill(): Promise<void> {
    return Promise.reject(new Error("Cannot kill the process of the test"));
  }

  #host(
    args: readonly string[],
    { out, err, signal }: { out: string[]; err: string[]; signal: AbortSignal },
  ): Host {
    const env = this.environment();
    const sink = (texts: string[]) => ({
      writeSync(bytes: Uint8Array): number {
        texts.push(fromBytes(bytes));
        return bytes.length;
      },
    });
    return {
      args: ["-A", ...this.ownArguments(), ...args],
      env: (name) => env[name],
      stdout: new LineWriter(sink(out)),
      stderr: new LineWriter(sink(err), 0),
      isTerminal: false,
      columns: () => 80,
      now: () => new Date(),
      pid: Deno.pid,
      signal,
      endGently: () => {},
    };
  }
}

/** A program that is started. */
abstract class OuterNode extends CutNode {
  protected server: Deno.ChildProcess | undefined;
  #running: Deno.ChildProcess | undefined;

  protected abstract words(args: readonly string[]): string[];

  #spawn(args: readonly string[], stdout: "piped" | "null"): Deno.ChildProcess {
    const [program = "", ...rest] = this.words(args);
    return new Deno.Command(program, {
      args: rest,
      cwd: "/",
      env: this.environment(),
      clearEnv: true,
      stdin: "null",
      stdout,
      stderr: stdout,
    }).spawn();
  }

  async run(...args: string[]): Promise<Ran> {
    const child = this.#running = this.#spawn(args, "piped");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, DEADLINE_MS);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(timer);
    this.#running = undefined;
    if (isLate) throw new Error(`csync2 ${args.join(" ")} hangs`);
    return { rc: code, stdout: fromBytes(stdout), stderr: fromBytes(stderr) };
  }

  async start(): Promise<void> {
    if (this.server !== undefined) return;
    this.server = this.#spawn(["-ii"], "null");
    const { host, port } = this.options;
    await until(() => isListening(host, port), `the server at ${host}`);
  }

  async quiet(proxy: CutProxy): Promise<void> {
    if (proxy.connections > 0) await within(proxy.ended, "the server's end of the connection");
  }

  async stop(): Promise<void> {}

  async end(): Promise<void> {
    const child = this.server;
    this.server = undefined;
    if (child === undefined) return;
    try {
      child.kill("SIGTERM");
    } catch { /* it has ended */ }
    await within(child.status, "the end of the server");
  }

  async kill(): Promise<void> {
    const child = this.server ?? this.#running;
    this.server = undefined;
    try {
      child?.kill("SIGKILL");
    } catch { /* it has ended */ }
    await child?.status;
  }
}

/** Ours in processes. */
export class ProcessNode extends OuterNode {
  readonly isOurs = true;

  protected words(args: readonly string[]): string[] {
    return [...ourWords(), ...this.ownArguments(), ...args];
  }

  override async stop(): Promise<void> {
    await this.end(); // it keeps its database open
  }
}

/** Debian's csync2, which sees its tree where the other host has its own. */
export class CNode extends OuterNode {
  readonly isOurs = false;

  protected words(args: readonly string[]): string[] {
    const { tree, mount } = this.options;
    const script = 'mount --bind "$0" "$1" && shift && exec csync2 "$@"';
    return ["unshare", "--mount", "sh", "-c", script, tree, mount, ...this.ownArguments(), ...args];
  }

  /** It has a process for each connection. Once it was gone after a cut, for no known reason: then it is started again. */
  override async quiet(proxy: CutProxy): Promise<void> {
    await super.quiet(proxy);
    const file = `/proc/${this.server!.pid}/task/${this.server!.pid}/children`;
    try {
      await until(() => Deno.readTextFileSync(file).trim() === "", "the server's children");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await within(this.server!.status, "the end of the server");
      this.server = undefined;
      await this.start();
    }
  }
}

function seen(entry: Exclude<Entry, { kind: "absent" }>, path: string): Seen {
  const { kind, meta: { mode, uid, gid, mtime } } = entry;
  const hasTime = kind !== "dir" && kind !== "lnk";
  return {
    kind,
    mode: mode & 0o7777,
    owner: `${uid}:${gid}`,
    ...(hasTime && { mtime }),
    content: kind === "reg"
      ? fromBytes(Deno.readFileSync(path))
      : kind === "lnk"
      ? entry.target
      : "",
  };
}

async function sleep(): Promise<void> {
  await new Promise((go) => setTimeout(go, POLL_MS));
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`Waited ${DEADLINE_MS} ms for ${what}`);
  const timer = setTimeout(() => late.reject(error), DEADLINE_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (const startMs = performance.now(); !isTrue(); await sleep()) {
    if (performance.now() - startMs > DEADLINE_MS) throw new Error(`Waited for ${what} in vain`);
  }
}

/** Without a connection, which the server would see. */
function isListening(address: string, port: number): boolean {
  const hex = (n: number, digits: number) => n.toString(16).toUpperCase().padStart(digits, "0");
  const ip = address.split(".").reverse().map((part) => hex(Number(part), 2)).join("");
  const wanted = ` ${ip}:${hex(port, 4)} 00000000:0000 0A `;
  return Deno.readTextFileSync("/proc/net/tcp").includes(wanted);
}
