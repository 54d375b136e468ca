/** Peers typed by hand against real processes: clients with any address, servers with any answer. */
import {
  connect,
  type Duplex,
  type Identity,
  listen,
  type Listener,
  upgrade,
} from "../../src/net/mod.ts";
import { type Cluster, KEY } from "./cluster.ts";
import { Typist } from "./serving.ts";

const DEADLINE_MS = 20_000;

/** A client at the address of host `from` that has said nothing yet. */
export async function caller(
  { port }: { readonly port: number },
  { from = "a.demo", to = "b.demo" } = {},
): Promise<Typist> {
  const duplex = await connect({
    host: to,
    port: `${port}`,
    bindAs: from,
    deadlineMs: DEADLINE_MS,
    idleMs: DEADLINE_MS,
  });
  return new Typist(duplex, KEY);
}

/** Said SSL, done the handshake, nothing else. */
export async function secureCaller(
  at: { readonly port: number },
  { from, identity }: { readonly from?: string; readonly identity: Identity },
): Promise<Typist> {
  const plain = await caller(at, from === undefined ? {} : { from });
  await plain.expect("SSL", "OK (activating_ssl).");
  const options = { role: "client", deadlineMs: DEADLINE_MS } as const;
  return new Typist(await upgrade(plain.duplex, { ...options, ...identity }), KEY);
}

/** CONFIG and HELLO are answered well. */
export async function member(cluster: Cluster, name = "a.demo"): Promise<Typist> {
  const typist = await caller(cluster);
  await typist.expect("CONFIG ", "OK (cmd_finished).");
  await typist.expect(`HELLO ${name}`, "OK (cmd_finished).");
  return typist;
}

/** A server in the place of host `b.demo` that answers in its own way. */
export class FakeServer implements AsyncDisposable {
  readonly heard: string[] = [];
  readonly #listener: Listener;
  readonly #answered: Promise<void>;

  private constructor(listener: Listener, answer: (line: string) => string | "hang up") {
    this.#listener = listener;
    this.#answered = this.#serve(answer);
  }

  /** @param answer bytes to send for a line; `hang up` closes the connection */
  static async start(
    { port }: { readonly port: number },
    answer: (line: string) => string,
  ): Promise<FakeServer> {
    const listener = await listen({ host: "b.demo", port: `${port}`, idleMs: DEADLINE_MS });
    return new FakeServer(listener, answer);
  }

  async #serve(answer: (line: string) => string): Promise<void> {
    for await (const duplex of this.#listener.accept()) await this.#talk(duplex, answer);
  }

  async #talk(duplex: Duplex, answer: (line: string) => string): Promise<void> {
    await using connection = duplex;
    try {
      for (let line; (line = await connection.readLine(20_000)) !== undefined;) {
        this.heard.push(line);
        const said = answer(line);
        if (said === "hang up") return;
        await connection.write(said);
        await connection.flush();
      }
    } catch {
      // The client went away: what it said counts.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#answered;
  }
}
