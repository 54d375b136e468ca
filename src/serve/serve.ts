/** The server: takes connections, limits them, runs actions after each, ends gracefully. */
import { Budget } from "../model/mod.ts";
import type { Contexts } from "./context.ts";
import { FailureBudget } from "./failure_budget.ts";
import * as say from "./messages.ts";
import { Permits } from "./permits.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";
import {
  type KnownFlavours,
  serveConnection,
  type ServeConnectionOptions,
  type ServeLimits,
  type ServerTls,
  type Trace,
} from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { ServerEnding } from "./turn.ts";

type Duplex = ServeConnectionOptions["duplex"];

/** Pause after the last request, so that the rest of the file in hand can follow (W 15.3). */
const FOLLOW_UP_MS = 1_000;
const MAX_CONNECTIONS = 200;
const MAX_CONNECTIONS_PER_ADDRESS = 32;
/** LIMIT: bytes of requests and contents that wait here, of all our own clients; half a MiB of each at least. */
const CONTENT_BYTES = 32 * 1_048_576;
/** Of the process. */
const memory = new Budget(CONTENT_BYTES);
/** LIMIT: some five descriptors each. */
const MAX_PUTS = 256;

/** The part of net's Listener that is needed: net is not in our row. */
export interface Doors {
  readonly address: say.At;
  accept(): AsyncIterable<Duplex>;
  close(): void;
}

export interface ServeOptions {
  /** Belongs to the caller, who disposes it afterwards. */
  readonly contexts: Contexts;
  readonly reporter: Reporter;
  readonly hostName: string;
  readonly resolvesTo: ReceiverOptions["resolvesTo"];
  readonly configName?: string;
  readonly tls?: ServerTls;
  readonly limits?: ServeLimits & {
    /** @default {200} */ readonly connections?: number;
    /** From one address. @default {32} */ readonly connectionsPerAddress?: number;
    /**
     * Files received at the same time, over all connections, besides one of each.
     * @default {256}
     */
    readonly puts?: number;
    readonly maxFileBytes?: number;
    readonly lockWaitMs?: number;
    readonly pace?: ReceiverOptions["pace"];
  };
  /** Whether our own clients get the fast dialect (docs/fast-protocol.md). @default {true} */
  readonly speaksFast?: boolean;
  /** The text for the peer while the lock file is there (D 1.1, D 7.4.11); asked per connection. */
  readonly lockedBy?: () => string | undefined;
  readonly trace?: Trace;
  /** What the next connection is called in the reports; without it they are not told apart. */
  readonly nextNumber?: () => number;
  /** No new connections, the file in hand of each one is finished. */
  readonly stop?: AbortSignal;
  /** Everything ends at once; temporary files are still removed. */
  readonly abort?: AbortSignal;
}

/** `-ii`, and `-iii` with `once`: serves until `stop`, or until one connection has ended. */
export async function serve(
  doors: Doors,
  { once = false, ...options }: ServeOptions & { readonly once?: boolean },
): Promise<void> {
  const server = new Server(options);
  const { reporter, hostName } = options;
  reporter.note(say.listening(doors.address, hostName));
  reporter.print(say.DAEMON_RUNNING);
  using _stop = onAbort([options.stop, options.abort], () => doors.close());
  for await (const duplex of doors.accept()) {
    if (once) doors.close();
    server.take(duplex);
    if (once) break;
  }
  await server.finished();
}

/** `-i`: serves the one connection that a super-server or ssh gave us. */
export async function serveOne(duplex: Duplex, options: ServeOptions): Promise<void> {
  const server = new Server(options);
  server.take(duplex);
  await server.finished();
}

/** Where one connection's messages and protocol lines go. */
interface Told {
  readonly reporter: Reporter;
  readonly trace: Trace | undefined;
}

class Server {
  readonly #options: ServeOptions;
  readonly #perAddress = new Map<string, number>();
  readonly #connections = new Set<Promise<void>>();
  /** Those that are served; what runs after a connection has closed takes no place. */
  #open = 0;
  readonly #knownFlavours: KnownFlavours = new Map();
  readonly #failures = new FailureBudget();
  readonly #puts: Permits;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#puts = new Permits(options.limits?.puts ?? MAX_PUTS);
  }

  /** Serves the connection in the background, or turns it away. */
  take(duplex: Duplex): void {
    const served = this.#admit(duplex);
    this.#connections.add(served);
    served.then(() => this.#connections.delete(served));
  }

  /** When the last connection has ended, and with it its actions. */
  async finished(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all(this.#connections);
  }

  /** All that is said of the connection, up to its closing lines. */
  async #admit(duplex: Duplex): Promise<void> {
    const { reporter, trace, nextNumber } = this.#options;
    const number = nextNumber?.();
    if (number === undefined) return await this.#admitAs(duplex, { reporter, trace });
    const own = reporter.ofConnection?.(number);
    const marked = trace && ((line: string) => trace(`<${number}> ${line}`));
    await this.#admitAs(duplex, { reporter: own ?? reporter, trace: marked });
    own?.finish();
  }

  async #admitAs(duplex: Duplex, told: Told): Promise<void> {
    const { reporter } = told;
    const { limits, lockedBy } = this.#options;
    const address = duplex.peer?.address ?? "";
    const count = this.#perAddress.get(address) ?? 0;
    reporter.note(say.newConnection(duplex.peer));
    const locked = lockedBy?.();
    if (locked !== undefined) return await this.#turnAway(duplex, { reporter, why: locked });
    if (
      this.#open >= (limits?.connections ?? MAX_CONNECTIONS) ||
      count >= (limits?.connectionsPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS)
    ) {
      return await this.#turnAway(duplex, { reporter, why: "Too many connections." });
    }
    this.#open++;
    this.#perAddress.set(address, count + 1);
    const closed = () => {
      this.#open--;
      const left = this.#perAddress.get(address)! - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    };
    await this.#serve(duplex, { ...told, closed });
  }

  /** One line, which the peer reads as the answer to its first command. Never throws. */
  async #turnAway(
    duplex: Duplex,
    { reporter, why }: { readonly reporter: Reporter; readonly why: string },
  ): Promise<void> {
    reporter.note(say.refusedConnection(duplex.peer, why));
    try {
      duplex.setIdleDeadline(FOLLOW_UP_MS);
      await duplex.write(`${why}\n`);
      await duplex.end();
    } catch {
      await duplex[Symbol.asyncDispose](); // gone already
    }
  }

  /**
   * Never throws: one connection's failure is not the server's.
   * @param closed called once, when the connection is closed; commands may run afterwards
   */
  async #serve(
    duplex: Duplex,
    { reporter, trace, closed }: Told & { readonly closed: () => void },
  ): Promise<void> {
    const { contexts, resolvesTo, configName, limits, tls, speaksFast } = this.#options;
    const noteFailure = (error: unknown) => this.#noteFailure(duplex, { reporter, error });
    const receiver = new Receiver({
      contexts,
      reporter,
      resolvesTo,
      address: duplex.peer?.address,
      puts: this.#puts.share(),
      ...(configName !== undefined && { configName }),
      ...(limits?.maxFileBytes !== undefined && { maxFileBytes: limits.maxFileBytes }),
      ...(limits?.lockWaitMs !== undefined && { lockWaitMs: limits.lockWaitMs }),
      ...(limits?.pace && { pace: limits.pace }),
    });
    try {
      using _ending = this.#endWith(duplex, receiver);
      using open = new DisposableStack();
      open.defer(closed);
      await serveConnection({
        duplex,
        tls,
        handler: receiver,
        limits,
        knownFlavours: this.#knownFlavours,
        memory,
        speaksFast,
        trace,
        note: noteFailure,
      });
      open.dispose();
      await this.#runActions(receiver);
    } catch (error) {
      noteFailure(error);
    } finally {
      await receiver[Symbol.asyncDispose]().catch(noteFailure);
    }
  }

  /**
   * After the connection is closed: a peer need not wait for our commands. One after the other within
   * a configuration, and in nobody's way (W 1.3).
   */
  async #runActions(receiver: Receiver): Promise<void> {
    const { abort } = this.#options;
    if (!receiver.hasScheduled || abort?.aborted) return; // the rows stay for the next run
    await receiver.runner?.run();
  }

  /** What a peer or the network did is level 1, what is wrong with us is an error: so often only. */
  #noteFailure(
    duplex: Duplex,
    { reporter, error }: { readonly reporter: Reporter; readonly error: unknown },
  ): void {
    if (error instanceof ServerEnding) return;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const isTheirs = code.startsWith("net/") || code.startsWith("protocol/");
    const budget = isTheirs ? "hide" : this.#failures.spend();
    reporter.note(say.connectionFailed(duplex.peer, { error, level: budget === "hide" ? 1 : 0 }));
    if (budget === "last") reporter.note(say.FAILURES_HIDDEN);
  }

  /** Obeys `stop` and `abort` for one connection. */
  #endWith(duplex: Duplex, { turn }: Receiver): Disposable {
    const { stop, abort } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = () => void duplex[Symbol.asyncDispose]();
    const closeSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(close, FOLLOW_UP_MS);
    };
    const stack = new DisposableStack();
    stack.defer(() => clearTimeout(timer));
    stack.use(onAbort([abort], close));
    stack.use(onAbort([stop], () => {
      turn.end();
      turn.onBegin = () => clearTimeout(timer);
      turn.onPause = closeSoon;
      if (!turn.isActive) closeSoon();
    }));
    return stack;
  }
}

/** Calls `work` once one of the signals is given, at once if one was; disposing forgets it. */
function onAbort(signals: readonly (AbortSignal | undefined)[], work: () => void): Disposable {
  const given = signals.filter((signal) => signal !== undefined);
  if (given.some((signal) => signal.aborted)) work();
  else for (const signal of given) signal.addEventListener("abort", work, { once: true });
  return {
    [Symbol.dispose]: () => {
      for (const signal of given) signal.removeEventListener("abort", work);
    },
  };
}
