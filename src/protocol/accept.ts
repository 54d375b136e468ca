/** A fresh connection -> a served one: first lines, TLS, deadlines, limits, then the dialect's loop. */
import { type Budget, strictPercentDecode } from "../model/mod.ts";
import type { Duplex } from "../net/mod.ts";
import { COMMAND_LINE_MAX_BYTES, rawTokens } from "./classic/codec.ts";
import { REPLY } from "./classic/replies.ts";
import { type KnownFlavours, runCommands } from "./classic/server.ts";
import { type Trace, Wire } from "./classic/wire.ts";
import { keyBinding } from "./fast/keys.ts";
import { runFrames } from "./fast/server.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { RequestHandler } from "./request.ts";

/** How a server encrypts. */
export interface ServerTls {
  /** Makes the plain connection an encrypted one (net's `upgrade` with role `server`). */
  upgrade(plain: Duplex): Promise<Duplex>;
}

export interface ServeLimits {
  /** Longest time without progress. @default {300_000} */
  readonly idleMs?: number;
  /** The same until the client's CONFIG was read. @default {30_000} */
  readonly firstLineMs?: number;
  /** From the start until the client is known; strangers do not stay longer. @default {60_000} */
  readonly strangerMs?: number;
  /** How often a fast connection says that it is alive; far below any idle deadline. @default {60_000} */
  readonly aliveMs?: number;
  /** Longest wait for a fast client that takes no content, or has a delta to send. @default {300_000} */
  readonly patienceMs?: number;
  /** Longest delta taken; a client that announces more is disconnected. @default 2^40 */
  readonly maxStreamBytes?: number;
}

export interface ServeConnectionOptions {
  /** Plain and connected. Belongs to this function, which closes it. */
  readonly duplex: Duplex;
  /** Without it `SSL` is refused. */
  readonly tls?: ServerTls | undefined;
  /** Belongs to the caller, who disposes it afterwards. */
  readonly handler: RequestHandler;
  readonly limits?: ServeLimits | undefined;
  /**
   * Memory for the requests and contents of fast clients; each gets its part when it says who it is.
   * @default as much as each may have
   */
  readonly memory?: Budget | undefined;
  /** Shared by the connections of a server. */
  readonly knownFlavours?: KnownFlavours | undefined;
  /** False: only the classic dialect, also with our own clients. @default when the handler has `bulk` */
  readonly speaksFast?: boolean | undefined;
  readonly trace?: Trace | undefined;
  /** Told why a connection was dropped: a connection error, a breach of protocol, a failed handler. */
  readonly note?: ((error: unknown) => void) | undefined;
}

const IDLE_MS = 300_000;
const FIRST_LINE_MS = 30_000;
/** LIMIT: as long as anybody who can reach the port may hold one of our connections. */
const STRANGER_MS = 60_000;
/** How long a client may take for the answers before the connection is dropped. */
const LAST_WORDS_MS = 1_000;
const MAX_STREAM_BYTES = 2 ** 40;
const CONFIG_NAME_REGEXP = /^[a-z0-9]*$/;

/**
 * Serves one connection until it ends. Never throws: whatever goes wrong closes the connection, without
 * a reply, and is given to `note`.
 *
 * @see W 4, W 5, W 11
 */
export async function serveConnection(options: ServeConnectionOptions): Promise<void> {
  const line = new Connection(options);
  using _limit = line.endOfStrangers();
  try {
    if (await line.start()) await line.run();
    await line.duplex.end();
  } catch (error) {
    // Answers to earlier commands of a client that does not wait for each of them.
    line.duplex.setIdleDeadline(LAST_WORDS_MS);
    await line.duplex.flush().catch(() => {});
    await line.duplex[Symbol.asyncDispose]();
    options.note?.(line.wasStranger ?? error);
  }
}

class Connection {
  /** The plain one, later the encrypted one. */
  duplex: Duplex;
  /** Why it was closed: nobody that we know. */
  wasStranger: ProtocolError | undefined;
  readonly #options: ServeConnectionOptions;
  /** As the client has sent it. */
  #configName = "";

  constructor(options: ServeConnectionOptions) {
    this.#options = options;
    this.duplex = options.duplex;
  }

  /** Closes the connection of somebody who is not known in time, whatever he does. */
  endOfStrangers(): Disposable {
    const { handler, limits } = this.#options;
    const ms = limits?.strangerMs ?? STRANGER_MS;
    const timer = setTimeout(() => {
      if (handler.isKnown) return;
      this.wasStranger = new ProtocolError("line", `Cannot wait: not a known peer within ${ms} ms`);
      void this.duplex[Symbol.asyncDispose]();
    }, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  get #wire(): Wire {
    return new Wire(this.duplex, { commandsFrom: "peer", trace: this.#options.trace });
  }

  /** The first line or two (W 4). False: answered, nothing more to do. */
  async start(): Promise<boolean> {
    const { limits, handler, tls } = this.#options;
    this.duplex.setIdleDeadline(limits?.firstLineMs ?? FIRST_LINE_MS);
    let first = await this.#firstLine();
    if (first?.word === "ssl") {
      if (tls === undefined) return await this.#refuse(REPLY.noSsl);
      await this.#encrypt(tls);
      handler.secured(this.duplex.certificate);
      first = await this.#firstLine();
    }
    if (first === undefined) return false;
    if (first.word !== "config") return await this.#refuse(REPLY.badFirstLine);
    return await this.#configure(first.argument);
  }

  async run(): Promise<void> {
    const { handler, limits, knownFlavours, speaksFast = true, memory, trace } = this.#options;
    this.duplex.setIdleDeadline(limits?.idleMs ?? IDLE_MS);
    const maxStreamBytes = limits?.maxStreamBytes ?? MAX_STREAM_BYTES;
    const { bulk } = handler;
    const nonces = await runCommands(this.#wire, {
      handler,
      maxStreamBytes,
      knownFlavours: knownFlavours ?? new Map(),
      speaksFast: speaksFast && bulk !== undefined,
    });
    if (nonces === undefined || bulk === undefined) return;
    const { duplex } = this, configName = this.#configName;
    const tls = duplex.binding;
    using part = memory?.take();
    await runFrames({
      duplex,
      bulk,
      memory: part,
      maxStreamBytes,
      aliveMs: limits?.aliveMs,
      patienceMs: limits?.patienceMs,
      binding: (clientName) => keyBinding({ ...nonces, tls, configName, clientName }),
      trace,
    });
  }

  /** Two tokens count, and the word is not decoded (W 4). Undefined at the end of the connection. */
  async #firstLine(): Promise<{ word: string; argument: string } | undefined> {
    const line = await this.#wire.lineOrEnd(COMMAND_LINE_MAX_BYTES);
    if (line === undefined) return undefined;
    const [word = "", argument = ""] = rawTokens(line);
    return { word: word.toLowerCase(), argument };
  }

  async #encrypt(tls: ServerTls): Promise<void> {
    if (this.duplex.pending > 0) { // W 20.5: it would count as encrypted afterwards
      throw new ProtocolError("ssl", "Cannot encrypt: the client sent plain text behind SSL");
    }
    await this.#wire.send(REPLY.activatingSsl);
    await this.duplex.flush();
    this.duplex = await tls.upgrade(this.duplex);
  }

  async #configure(argument: string): Promise<boolean> {
    const name = strictPercentDecode(argument);
    if (name === undefined || !CONFIG_NAME_REGEXP.test(name)) {
      return await this.#refuse(REPLY.badConfigName);
    }
    if (await this.#options.handler.configure(name) === "bad-name") {
      return await this.#refuse(REPLY.badConfigName);
    }
    this.#configName = name;
    await this.#wire.send(REPLY.finished);
    return true;
  }

  async #refuse(reply: string): Promise<false> {
    await this.#wire.send(reply);
    return false;
  }
}
