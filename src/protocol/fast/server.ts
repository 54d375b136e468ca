/** Frames -> RequestHandler: many requests side by side, answers in any order (docs/fast-protocol.md). */
import { isDbName, type Part, type Refusal } from "../../model/mod.ts";
import type { Duplex } from "../../net/mod.ts";
import { REPLY } from "../classic/replies.ts";
import type { Trace } from "../classic/wire.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { BulkHandler, RequestHandler } from "../request.ts";
import { welcomeBytes, writeWelcome } from "./answers.ts";
import { broken, type Reader } from "./bytes.ts";
import { Channel } from "./channel.ts";
import { HandlerPool } from "./handler_pool.ts";
import {
  CAPABILITY,
  CREDIT_BYTES,
  FIRST_FRAME_MAX_BYTES,
  FRAME,
  FRAME_MAX_BYTES,
  OFFERS_MAX,
  REQUEST_BYTES_MAX,
  REQUESTS_MAX,
} from "./layout.ts";
import { loadZstd } from "./packing.ts";
import { PathOrder, type Place } from "./path_order.ts";
import { type Hello, readHello, readRequest, type Request } from "./requests.ts";
import { type Task, Worker } from "./server_work.ts";
import { Slabs } from "./slabs.ts";
import { refusalBytes, writeRefusal } from "./values.ts";

export interface FastServerOptions {
  readonly duplex: Duplex;
  readonly bulk: BulkHandler;
  /** LIMIT: longest content taken. */
  readonly maxStreamBytes: number;
  readonly aliveMs?: number | undefined;
  readonly patienceMs?: number | undefined;
  /** What its requests and contents may take. @default as much as there may be */
  readonly memory?: Part | undefined;
  /** What proofs under a name are made over. */
  readonly binding: (clientName: string) => Promise<Uint8Array>;
  readonly trace?: Trace | undefined;
}

/** So much has everybody, however many there are: two long requests, two pieces of contents. */
const LEAST_BYTES = 524_288;
/** LIMIT: requests that are worked on at the same time; the others wait for their turn. */
const AT_ONCE = 128;

const NOT_IDENTIFIED: Readonly<Record<string, string>> = {
  failed: REPLY.identificationFailed,
  "encryption-expected": REPLY.encryptionExpected,
  "no-common-key": "No group key in common.",
};

/** A request that has come and was not answered yet. */
interface Pending {
  readonly task: Task;
  readonly place: Place | undefined;
}

/** Serves frames until BYE or the end of the connection. @throws what broke the connection, or a handler */
export async function runFrames(options: FastServerOptions): Promise<void> {
  await new FastServer(options).run();
}

class FastServer {
  readonly #options: FastServerOptions;
  readonly #channel: Channel;
  readonly #order = new PathOrder();
  readonly #pool: HandlerPool;
  readonly #slabs = new Slabs();
  readonly #tasks = new Map<number, Pending>();
  /** May begin as soon as a handler is free. */
  #ready: Pending[] = [];
  #bytes = 0;
  /** LIMIT: of that, as the client was told. */
  #maxBytes = REQUEST_BYTES_MAX;
  /** Keys behind the places of HELLO; undefined before the first one that succeeded. */
  #keys: readonly (string | undefined)[] | undefined;
  #worker: Worker | undefined;
  #identifying: Promise<void> | undefined;
  #goodbyeId: number | undefined;
  #hasSaidGoodbye = false;
  #failure: { readonly cause: unknown } | undefined;
  #settled: (() => void) | undefined;

  constructor(options: FastServerOptions) {
    this.#options = options;
    this.#pool = new HandlerPool(options.bulk, AT_ONCE);
    this.#channel = new Channel({
      duplex: options.duplex,
      trace: options.trace,
      readsLess: true,
      aliveMs: options.aliveMs,
      patienceMs: options.patienceMs,
      maxBytes: () => this.#keys === undefined ? FIRST_FRAME_MAX_BYTES : FRAME_MAX_BYTES,
      take: (type, id, reader, isOwned) => this.#take(type, id, { reader, isOwned }),
      isGivenBack: (type) => type === FRAME.puts,
      contentOf: (id) => this.#tasks.get(id)?.task.incoming,
    });
  }

  async run(): Promise<void> {
    try {
      await this.#channel.run();
      // The client ended: contents that did not come any more never will.
      if (this.#tasks.size > 0) this.#end(closed());
      await this.#allSettled();
    } catch (error) {
      if (!this.#hasSaidGoodbye) this.#fail(error);
      await this.#allSettled();
    } finally {
      this.#channel.stop();
      await this.#pool[Symbol.asyncDispose]();
    }
    if (this.#failure !== undefined) throw this.#failure.cause;
    await this.#channel.sender.flush();
  }

  #take(type: number, id: number, frame: { reader: Reader; isOwned: boolean }): void {
    if (id === 0 || this.#tasks.has(id)) throw broken("its id is in use");
    if (this.#identifying !== undefined || this.#goodbyeId !== undefined) {
      throw broken("it comes where nothing may come");
    }
    if (type === FRAME.hello) return this.#hello(id, readHello(frame.reader));
    if (type === FRAME.bye) return this.#goodbye(id, frame.reader);
    if (this.#keys === undefined) throw broken("it comes before HELLO");
    const bytes = frame.reader.left;
    const request = readRequest(type, frame.reader, (piece) => {
      return frame.isOwned ? piece : this.#slabs.copy(piece);
    });
    if (this.#tasks.size >= REQUESTS_MAX || this.#bytes + bytes > this.#maxBytes) {
      // One request is always taken, however large.
      if (this.#tasks.size > 0) throw broken("there are more requests than may be");
    }
    this.#accept({ id, bytes, request });
  }

  /** Takes its place behind those that it must not overtake. */
  #accept(task: Task): void {
    const ready = () => this.#begin(pending);
    const place = this.#place(task.request, ready);
    const pending: Pending = { task, place };
    this.#tasks.set(task.id, pending);
    this.#bytes += task.bytes;
    if (place === undefined || place.before === 0) ready();
  }

  /**
   * Only what may be done takes a place: whoever has proven no key cannot make us work on paths of
   * thousands of directories.
   */
  #place(request: Request, ready: () => void): Place | undefined {
    switch (request.do) {
      case "offer":
        return this.#order.wait(request.rows.filter(this.#mayAsk).map(({ name }) => name), ready);
      case "puts": {
        const names = request.rows.filter(this.#mayAsk).map(({ name }) => name);
        return this.#order.enter(names, ready);
      }
      case "list":
      case "ranges":
      case "rows":
        return undefined;
      case "copy": {
        const names = [request, request.like].filter(this.#mayAsk).map(({ name }) => name);
        return this.#order.enter(names, ready);
      }
      default:
        return this.#mayAsk(request) ? this.#order.enter([request.name], ready) : undefined;
    }
  }

  readonly #mayAsk = ({ key, name }: { readonly key: number; readonly name: string }): boolean =>
    this.#keys?.[key] !== undefined && isDbName(name);

  #begin(pending: Pending): void {
    if (this.#failure !== undefined) return this.#ended(pending);
    const handler = this.#pool.take();
    if (handler === undefined) {
      this.#ready.push(pending);
      return;
    }
    void this.#work(pending, handler);
  }

  async #work(pending: Pending, handler: RequestHandler): Promise<void> {
    try {
      await this.#worker!.work(pending.task, handler);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pool.giveBack(handler);
      this.#ended(pending);
      const next = this.#ready.shift();
      if (next !== undefined) this.#begin(next);
    }
  }

  #ended({ task, place }: Pending): void {
    this.#tasks.delete(task.id);
    const memory = memoryOf(task.request);
    if (memory !== undefined) {
      this.#slabs.free(memory);
      this.#channel.free(memory);
    }
    this.#bytes -= task.bytes;
    if (place !== undefined) this.#order.leave(place);
    if (this.#tasks.size === 0) this.#onIdle();
  }

  #onIdle(): void {
    if (this.#goodbyeId !== undefined && this.#failure === undefined) {
      this.#sayGoodbye(this.#goodbyeId);
      void this.#hangUp();
    }
    this.#settled?.();
  }

  #hello(id: number, hello: Hello): void {
    if (this.#tasks.size > 0) throw broken("HELLO comes while requests are under way");
    this.#identifying = this.#identify(id, hello).catch((error) => this.#fail(error)).finally(
      () => {
        this.#identifying = undefined;
      },
    );
  }

  async #identify(id: number, { name, proofs, capabilities }: Hello): Promise<void> {
    const { bulk, maxStreamBytes, patienceMs, memory } = this.#options;
    await this.#pool.clear(); // they answer for the earlier identity
    const binding = await this.#options.binding(name);
    const identity = await bulk.identifyByKeys(name, { binding, proofs });
    const { sender } = this.#channel;
    if (identity.kind !== "ok") {
      this.#keys = undefined;
      return this.#refuse(id, { kind: "failed", reply: NOT_IDENTIFIED[identity.kind]! });
    }
    const isPacking = (capabilities & CAPABILITY.zstd) !== 0 && await loadZstd() !== undefined;
    if (isPacking) await this.#channel.usePacking();
    this.#keys = identity.keys;
    const { keys } = identity;
    this.#worker = new Worker({ channel: this.#channel, keys, maxStreamBytes, patienceMs });
    const room = roomIn(memory?.bytes);
    this.#maxBytes = room.requestBytes;
    const welcome = {
      capabilities: isPacking ? CAPABILITY.zstd : 0,
      requests: REQUESTS_MAX,
      requestBytes: room.requestBytes,
      offers: OFFERS_MAX,
      proofs: identity.answers,
    };
    writeWelcome(sender.begin(FRAME.ok, id, welcomeBytes(welcome)), welcome);
    sender.end();
    this.#channel.open(room.creditBytes);
  }

  #refuse(id: number, refusal: Refusal): void {
    const { sender } = this.#channel;
    writeRefusal(sender.begin(FRAME.refused, id, refusalBytes(refusal)), refusal);
    sender.end();
  }

  #goodbye(id: number, reader: Reader): void {
    reader.done();
    this.#goodbyeId = id;
    if (this.#tasks.size === 0) this.#sayGoodbye(id);
  }

  #sayGoodbye(id: number): void {
    this.#hasSaidGoodbye = true;
    this.#channel.sender.empty(FRAME.ok, id);
    this.#channel.stop();
  }

  /** Somebody still waits for more of a client that has nothing more to say. */
  async #hangUp(): Promise<void> {
    await this.#channel.sender.flush();
    await this.#channel.duplex.end();
  }

  /** Contents that are on their way never arrive. */
  #end(cause: unknown): void {
    this.#channel.endInput(cause);
    for (const { task } of this.#tasks.values()) task.incoming?.fail(cause);
  }

  /** The first failure counts; it closes the connection, without an answer. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { cause };
    this.#end(cause);
    this.#channel.close(cause);
    for (const pending of this.#ready.splice(0)) this.#ended(pending);
  }

  /** When nobody works any more. */
  async #allSettled(): Promise<void> {
    await this.#identifying;
    if (this.#tasks.size === 0) return;
    await new Promise<void>((resolve) => this.#settled = resolve);
  }
}

/** What was kept of its frame. */
function memoryOf(request: Request): Uint8Array | undefined {
  if (request.do === "puts") return request.memory;
  return request.do === "put" ? request.inside : undefined;
}

/** Two thirds for requests, one for contents: as it is where there is enough of both. */
function roomIn(bytes = Infinity): { readonly requestBytes: number; readonly creditBytes: number } {
  const part = (share: number, most: number) =>
    Math.floor(Math.min(most, Math.max(LEAST_BYTES, share)));
  return {
    requestBytes: part(bytes * 2 / 3, REQUEST_BYTES_MAX),
    creditBytes: part(bytes / 3, CREDIT_BYTES),
  };
}

function closed(): ProtocolError {
  return new ProtocolError("closed", "Cannot go on: the client closed the connection");
}
