/** Requests under way on one connection: id -> who waits for the answer. */
import type { Refusal } from "../../model/mod.ts";
import type { Duplex } from "../../net/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { Trace } from "../classic/wire.ts";
import { broken, type Reader } from "./bytes.ts";
import { Channel } from "./channel.ts";
import { Gate } from "./gate.ts";
import type { Incoming } from "./incoming.ts";
import { FRAME, FRAME_MAX_BYTES } from "./layout.ts";
import { Progress } from "./progress.ts";
import { readRefusal } from "./values.ts";

/** What a request needs besides its frame. */
export interface Ask<T> {
  /** What its frame has at most. */
  readonly bytes: number;
  /** Writes it: exactly one frame. What it throws before that is thrown to the caller only. */
  readonly send: (id: number) => void;
  /** Reads the answer, to its end. */
  readonly read: (reader: Reader) => T;
  /** A content that the server sends. */
  readonly incoming?: Incoming;
  /** The server is ready for our content, or begins with its own. */
  readonly onGo?: (id: number) => void;
  /** Whether our content is on its way: no answer is due before its end. */
  readonly isSending?: () => boolean;
  /** Bytes of contents that one of the sides may read without a word meanwhile. @default {0} */
  readonly workBytes?: number;
}

interface Call {
  readonly ask: Ask<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (cause: unknown) => void;
  hasGone: boolean;
}

export interface CallsOptions {
  readonly duplex: Duplex;
  readonly trace?: Trace | undefined;
  readonly aliveMs?: number | undefined;
  /** Longest time without an answer and without contents that move. @default {900_000} */
  readonly stallMs?: number | undefined;
}

const ID_MAX = 0xffff_ffff;

export class Calls {
  readonly channel: Channel;
  readonly gate = new Gate();
  readonly #calls = new Map<number, Call>();
  readonly #running: Promise<void>;
  readonly #progress: Progress;
  #looks: ReturnType<typeof setInterval> | undefined;
  #lastId = 0;
  #failure: { readonly cause: unknown } | undefined;
  /** BYE was said. */
  #isClosing = false;

  constructor({ duplex, trace, aliveMs, stallMs }: CallsOptions) {
    this.#progress = new Progress(stallMs);
    this.channel = new Channel({
      duplex,
      trace,
      aliveMs,
      maxBytes: () => FRAME_MAX_BYTES,
      take: (type, id, reader) => this.#take(type, id, reader),
      contentOf: (id) => this.#contentOf(id),
      moved: (bytes) => this.#progress.moved(bytes),
    });
    this.#running = this.channel.run().then(
      () => this.#fail(closed()),
      (error) => this.#fail(error),
    );
  }

  /** Whether nothing is under way and a further request could be made. */
  get isIdle(): boolean {
    return this.gate.count === 0 && this.#failure === undefined && !this.#isClosing;
  }

  /**
   * Sends a request as soon as it is its turn.
   * @throws what ended the connection
   */
  ask<T>(ask: Ask<T>): Promise<T | Refusal> {
    if (this.#isClosing) return Promise.reject(unusable("it ended before"));
    if (this.#failure !== undefined) return Promise.reject(unusable("an earlier request failed"));
    return new Promise((resolve, reject) => {
      this.gate.enter(ask.bytes, () => {
        if (this.#failure !== undefined) return reject(this.#failure.cause);
        this.#begin({ ask, resolve, reject, hasGone: false });
      });
    });
  }

  /** Whoever waits gets `cause`, and the connection is closed. */
  fail(cause: unknown): void {
    this.#fail(cause);
  }

  /** Says goodbye, if there is nobody left to be answered. @param goodbyeMs longest wait for the answer */
  async close(goodbyeMs: number): Promise<void> {
    const { duplex } = this.channel;
    if (this.isIdle) {
      const answered = this.ask({
        bytes: 0,
        send: (id) => this.channel.sender.empty(FRAME.bye, id),
        read: () => {},
      }).catch(() => {}); // nothing is lost: every request was answered
      this.#isClosing = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, goodbyeMs);
      await Promise.race([answered, promise]);
      clearTimeout(timer);
      if (this.#failure === undefined) await duplex.end();
    }
    this.#isClosing = true;
    this.#fail(unusable("it ended before"));
    await this.#running;
  }

  #begin(call: Call): void {
    const { ask, reject } = call;
    const id = this.#nextId();
    this.#calls.set(id, call);
    this.#looks ??= setInterval(() => this.#look(), this.#progress.everyMs);
    try {
      ask.send(id);
    } catch (cause) {
      this.#calls.delete(id);
      reject(cause);
      this.gate.leave(ask.bytes);
    }
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1; while (
      this.#calls.has(this.#lastId)
    );
    return this.#lastId;
  }

  #take(type: number, id: number, reader: Reader): void {
    const call = this.#calls.get(id);
    if (call === undefined) throw broken("it answers what nobody has asked");
    this.#progress.step();
    if (type === FRAME.go) return this.#go(id, { call, reader });
    if (type !== FRAME.ok && type !== FRAME.refused) throw broken(`its type is ${type}`);
    const { incoming, read, bytes } = call.ask;
    const isEarly = type === FRAME.ok && incoming !== undefined && incoming.ending === undefined;
    if (isEarly || call.ask.isSending?.()) {
      throw broken("an answer comes before the end of its content");
    }
    const value = type === FRAME.ok ? read(reader) : readRefusal(reader);
    reader.done();
    incoming?.end("complete"); // a refusal may come in place of a content
    this.#calls.delete(id);
    call.resolve(value as never);
    this.gate.leave(bytes);
  }

  #go(id: number, { call, reader }: { call: Call; reader: Reader }): void {
    reader.done();
    if (call.ask.onGo === undefined || call.hasGone) throw broken("nobody waits for it");
    call.hasGone = true;
    call.ask.onGo(id);
  }

  #contentOf(id: number): Incoming | undefined {
    const call = this.#calls.get(id);
    return call?.hasGone ? call.ask.incoming : undefined;
  }

  /** Signs of life alone are no reason to wait for ever. */
  #look(): void {
    let workBytes = 0;
    for (const { ask } of this.#calls.values()) workBytes += ask.workBytes ?? 0;
    const isWaiting = this.#calls.size > 0;
    if (this.#progress.look({ isWaiting, workBytes })) this.#fail(stalled(this.#calls.size));
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { cause };
    clearInterval(this.#looks);
    this.channel.close(cause);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { ask, reject } of calls) {
      ask.incoming?.fail(cause);
      reject(cause);
    }
    this.gate.open();
  }
}

function unusable(why: string): ProtocolError {
  return new ProtocolError("unusable", `Cannot use the connection: ${why}`);
}

function stalled(count: number): ProtocolError {
  const what = count === 1 ? "a request" : `one of ${count} requests`;
  return new ProtocolError(
    "timeout",
    `Cannot wait any longer: the peer says that it is alive, but does not get on with ${what}`,
    { advice: "look at what its server waits for, perhaps a disk; what is marked stays marked" },
  );
}

function closed(): ProtocolError {
  return new ProtocolError("closed", "Cannot go on: the peer closed the connection");
}
