/** One request against a handler, and its answer. */
import {
  type ByteStream,
  type DbName,
  failed,
  isDbName,
  type Meta,
  type Outcome,
  type Refusal,
  toBytes,
} from "../../model/mod.ts";
import type { OfferAnswer, SmallPut } from "../bulk.ts";
import type { ListedRow } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { Addressed, BulkHandler, Offered, PutSession, RequestHandler } from "../request.ts";
import {
  lookBytes,
  offerAnswersBytes,
  outcomesBytes,
  rowText,
  sumsBytes,
  writeLook,
  writeOfferAnswers,
  writeOutcomes,
  writeSums,
} from "./answers.ts";
import { broken, type Writer } from "./bytes.ts";
import type { Channel } from "./channel.ts";
import { PATIENCE_MS } from "./credit.ts";
import { Incoming } from "./incoming.ts";
import { COUNTED_BYTES, FRAME, FRAME_MAX_BYTES, TEXT_MAX_BYTES } from "./layout.ts";
import type { CopyRequest, OfferRow, PutRequest, PutsRow, Request } from "./requests.ts";
import { silenceMs } from "./progress.ts";
import { refusalBytes, writeRefusal } from "./values.ts";

/** A request on its way through the server. */
export interface Task {
  readonly id: number;
  /** Of its frame. */
  readonly bytes: number;
  readonly request: Request;
  /** The content that the client sends; from `GO` on. */
  incoming?: Incoming;
}

export interface WorkerOptions {
  readonly channel: Channel;
  /** Behind the places of HELLO. */
  readonly keys: readonly (string | undefined)[];
  readonly maxStreamBytes: number;
  /** Longest wait for the first piece of a delta, besides the time that its making takes. @default {300_000} */
  readonly patienceMs?: number | undefined;
}

type RequestOf<K extends Request["do"]> = Extract<Request, { readonly do: K }>;

const DENIED: Refusal = { kind: "denied", why: "no grant" };
/** LIMIT: of a whole frame. */
const OFFER_ANSWERS_BYTES = FRAME_MAX_BYTES - COUNTED_BYTES;
const TARGET_REGEXP = /(?<=:type=lnk:target=).*$/s;
/** PERF: rows of a list travel in pieces of about this size. */
const LIST_PIECE_CHARS = 65_536;

/** What all requests under one name need. */
export class Worker {
  readonly #options: WorkerOptions;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Resolves when the answer is written. @throws what the handler throws; the connection has to go then */
  work(task: Task, handler: RequestHandler): void | Promise<void> {
    const { request } = task;
    switch (request.do) {
      case "offer":
        return this.#offer(task, request.rows, handler);
      case "puts":
        return this.#putMany(task, request.rows, handler);
      case "list":
      case "ranges":
      case "rows":
        return this.#listing(task, request, handler);
      default: {
        const at = this.#addressed(request.key, request.name);
        if (at === undefined) return this.#refuse(task, DENIED);
        return request.do === "put"
          ? this.#put(task, request, { handler, at })
          : this.#onName(task, request, { handler, at });
      }
    }
  }

  async #onName(
    task: Task,
    request: Exclude<Request, RequestOf<"offer" | "list" | "ranges" | "rows" | "put" | "puts">>,
    { handler, at }: { readonly handler: RequestHandler; readonly at: Addressed },
  ): Promise<void> {
    switch (request.do) {
      case "look":
        return await this.#look(task, handler, at);
      case "digest":
        return this.#optional(task, await bulkOf(handler).digest(at), (writer, digest) => {
          writer.raw(digest);
        });
      case "make":
        return this.#settle(task, await bulkOf(handler).make(at, request.want));
      case "copy":
        return await this.#copy(task, request, { handler, at });
      case "remove":
        return this.#settle(task, await handler.change(at, { kind: "remove" }));
      case "touch": {
        const { mtime } = request;
        return this.#settle(task, await handler.change(at, { kind: "mtime", mtime }));
      }
      case "flush":
        return this.#settle(task, await handler.flush(at));
      case "measure":
        return this.#optional(task, await handler.measure(at, request.of), (writer, value) => {
          writer.i64(value);
        });
      case "content":
        return await this.#content(task, handler, at);
    }
  }

  /** Undefined for a name that is none and a key that we do not share: both are denied (W 20.16). */
  #addressed(place: number, name: string): (Addressed & { readonly name: DbName }) | undefined {
    const key = this.#key(place);
    return key !== undefined && isDbName(name) ? { key, name } : undefined;
  }

  /** @throws ProtocolError `frame` for a place that HELLO did not have */
  #key(place: number): string | undefined {
    const { keys } = this.#options;
    if (place >= keys.length) throw broken("a key is none of those that were proven");
    return keys[place];
  }

  async #look(task: Task, handler: RequestHandler, at: Addressed): Promise<void> {
    const reply = await handler.look(at);
    switch (reply.kind) {
      case "absent":
      case "behind-link":
      case "there":
        return this.#ok(task, lookBytes(reply), (writer) => writeLook(writer, reply));
      default:
        return this.#refuse(task, reply);
    }
  }

  async #offer(task: Task, rows: readonly OfferRow[], handler: RequestHandler): Promise<void> {
    const answers: OfferAnswer[] = new Array(rows.length);
    const asked: Offered[] = [], places: number[] = [];
    rows.forEach((row, place) => {
      const at = this.#addressed(row.key, row.name);
      if (at === undefined) answers[place] = DENIED;
      else {
        asked.push({ ...at, here: row.here, isCurrent: row.isCurrent });
        places.push(place);
      }
    });
    const got = asked.length > 0 ? await bulkOf(handler).offer(asked) : [];
    places.forEach((place, at) => answers[place] = fitting(got[at]!));
    const told = offerAnswersBytes(answers) <= OFFER_ANSWERS_BYTES
      ? answers
      : answers.map(withoutTarget);
    this.#ok(task, offerAnswersBytes(told), (writer) => writeOfferAnswers(writer, told));
  }

  async #putMany(
    task: Task,
    rows: readonly PutsRow[],
    handler: RequestHandler,
  ): Promise<void> {
    const outcomes: Outcome[] = new Array(rows.length).fill(DENIED);
    const puts: SmallPut[] = [], places: number[] = [];
    for (let place = 0; place < rows.length; place++) {
      const { key: number, name, want, content } = rows[place]!, key = this.#key(number);
      if (key === undefined || !isDbName(name)) continue;
      puts.push({ key, name, want, content });
      places.push(place);
    }
    const got = puts.length > 0 ? await bulkOf(handler).putMany(puts) : [];
    places.forEach((place, at) => outcomes[place] = got[at]!);
    this.#ok(task, outcomesBytes(outcomes), (writer) => writeOutcomes(writer, outcomes));
  }

  /** Whether the file was made; if not, the client sends it. */
  async #copy(
    task: Task,
    { want: here, like, digest }: CopyRequest,
    { handler, at }: { readonly handler: RequestHandler; readonly at: Addressed },
  ): Promise<void> {
    const from = this.#addressed(like.key, like.name), bulk = bulkOf(handler);
    const outcome = from && await bulk.copy?.({ ...at, here, like: from, digest });
    if (outcome !== undefined && outcome.kind !== "done") return this.#refuse(task, outcome);
    this.#ok(task, 1, (writer) => writer.u8(outcome === undefined ? 0 : 1));
  }

  /**
   * The answer waits until the content was taken completely, whatever became of the file. Contents are
   * only let come to those who can take them: nobody waits for the content of a request behind him.
   */
  async #put(
    task: Task,
    request: PutRequest,
    { handler, at }: { readonly handler: RequestHandler; readonly at: Addressed },
  ): Promise<void> {
    const { want, content, inside } = request, { maxStreamBytes } = this.#options;
    if (content === "whole" && want.size > maxStreamBytes) {
      throw new ProtocolError(
        "stream",
        `Cannot take a content of ${want.size} bytes: the limit is ${maxStreamBytes}`,
      );
    }
    const begun = await handler.beginPut(at, want.meta satisfies Meta);
    if ("kind" in begun) return this.#refuse(task, begun);
    await using put: PutSession = begun;
    if (inside !== undefined) {
      return this.#settle(task, await wholeOf(put)(inside, () => true));
    }
    const outcome = content === "whole"
      ? await this.#takeWhole(task, put, want.size)
      : await this.#takeDelta(task, put, want.size);
    this.#settle(task, outcome);
  }

  async #takeWhole(task: Task, put: PutSession, size: number): Promise<Outcome> {
    const incoming = this.#expect(task, size);
    const isValid = () => incoming.ending === "complete" && incoming.received === size;
    const outcome = await wholeOf(put)(incoming.bytes, isValid);
    await incoming.skip();
    return outcome;
  }

  async #takeDelta(task: Task, put: PutSession, newSize: number): Promise<Outcome> {
    const { channel: { outgoing }, maxStreamBytes, patienceMs = PATIENCE_MS } = this.#options;
    const incoming = this.#expect(task, maxStreamBytes);
    const { size, bytes } = put.sizedSignature?.(newSize) ?? put.signature;
    if (await outgoing.send(task.id, bytes, size) !== size) {
      throw new ProtocolError("source", "Cannot send a signature: it is not as long as announced");
    }
    outgoing.end(task.id, "complete");
    // The path is locked while the client searches its file for what is here.
    await incoming.begun(silenceMs(patienceMs, Math.min(newSize, maxStreamBytes)));
    if (incoming.received === 0) {
      await incoming.skip();
      const outcome = await put.abort();
      return outcome.kind === "done" ? failed("Input/output error") : outcome;
    }
    const outcome = await put.apply(heldBack(incoming));
    await incoming.skip();
    return outcome;
  }

  /** From now on the client may send it. */
  #expect(task: Task, maxBytes: number): Incoming {
    const { channel } = this.#options;
    task.incoming = new Incoming(channel.granted, maxBytes);
    if (channel.inputFailure !== undefined) task.incoming.fail(channel.inputFailure.cause);
    channel.sender.empty(FRAME.go, task.id);
    return task.incoming;
  }

  async #content(task: Task, handler: RequestHandler, at: Addressed): Promise<void> {
    const content = await handler.content(at);
    if (!(Symbol.asyncIterator in content)) return this.#refuse(task, content);
    await this.#send(task, content);
  }

  async #listing(
    task: Task,
    request: RequestOf<"list" | "ranges" | "rows">,
    handler: RequestHandler,
  ): Promise<void> {
    const keys = request.keys.map((place) => this.#key(place)).filter((key) => key !== undefined);
    const { name } = request;
    switch (request.do) {
      case "list": {
        const { only } = request;
        if (keys.length === 0 || (only !== undefined && !isDbName(only))) {
          return await this.#send(task, none());
        }
        const which = only === undefined ? {} : { only };
        const query = { myName: name, keys, unit: "nanos", isOurs: true, ...which } as const;
        return await this.#send(task, pieces(handler.list(query)));
      }
      case "ranges": {
        const sums = await rangesOf(handler).digests({ name, keys, bounds: request.bounds });
        return this.#ok(task, sumsBytes(sums), (writer) => writeSums(writer, sums));
      }
      case "rows": {
        const rows = rangesOf(handler).list({ name, keys, range: request.range });
        return await this.#send(task, pieces(rows));
      }
    }
  }

  /** A content as the answer. */
  async #send(task: Task, bytes: ByteStream): Promise<void> {
    const { channel: { sender, outgoing } } = this.#options;
    sender.empty(FRAME.go, task.id);
    await outgoing.send(task.id, bytes, Number.MAX_SAFE_INTEGER);
    outgoing.end(task.id, "complete");
    this.#ok(task, 0, () => {});
  }

  #settle(task: Task, outcome: Outcome): void {
    if (outcome.kind === "done") this.#ok(task, 0, () => {});
    else this.#refuse(task, outcome);
  }

  /** A value of up to 32 bytes, or nothing. */
  #optional<T extends bigint | Uint8Array>(
    task: Task,
    value: T | undefined | Refusal,
    write: (writer: Writer, value: T) => void,
  ): void {
    if (value === undefined) return this.#ok(task, 0, () => {});
    if (typeof value === "object" && "kind" in value) return this.#refuse(task, value);
    this.#ok(task, 32, (writer) => write(writer, value));
  }

  #ok(task: Task, bytes: number, write: (writer: Writer) => void): void {
    const { sender } = this.#options.channel;
    write(sender.begin(FRAME.ok, task.id, bytes));
    sender.end();
  }

  #refuse(task: Task, refusal: Refusal): void {
    const { sender } = this.#options.channel;
    writeRefusal(sender.begin(FRAME.refused, task.id, refusalBytes(refusal)), refusal);
    sender.end();
  }
}

function bulkOf({ bulk }: RequestHandler): BulkHandler {
  if (bulk === undefined) throw new Error("A fork has to have what its handler has");
  return bulk;
}

function rangesOf(handler: RequestHandler) {
  const { ranges } = bulkOf(handler);
  if (ranges === undefined) throw broken("ranges are not spoken here");
  return ranges;
}

function wholeOf(put: PutSession): NonNullable<PutSession["applyWhole"]> {
  if (put.applyWhole === undefined) {
    throw new Error("A handler with bulk has to take whole contents");
  }
  return put.applyWhole.bind(put);
}

/** A check text that no frame takes is one that cannot be compared. */
function fitting(answer: OfferAnswer): OfferAnswer {
  if (answer.kind !== "there" || answer.checkText.length <= TEXT_MAX_BYTES) return answer;
  return failed("File name too long");
}

/** Many long targets do not fit in a frame. Who is not told it takes it for another one than his own. */
function withoutTarget(answer: OfferAnswer): OfferAnswer {
  if (answer.kind !== "there") return answer;
  return { ...answer, checkText: answer.checkText.replace(TARGET_REGEXP, "") };
}

async function* none(): ByteStream {}

/**
 * Without its last piece until it is known to be complete: a delta that was taken back has no end, and
 * nothing is made of it.
 */
async function* heldBack(incoming: Incoming): ByteStream {
  let last: Uint8Array | undefined;
  for await (const piece of incoming.bytes) {
    if (last !== undefined) yield last;
    last = piece;
  }
  if (last !== undefined && incoming.ending === "complete") yield last;
}

/** Whole rows in each piece. */
async function* pieces(batches: AsyncIterable<readonly ListedRow[]>): ByteStream {
  let text = "";
  for await (const batch of batches) {
    for (const row of batch) {
      text += rowText(row);
      if (text.length < LIST_PIECE_CHARS) continue;
      yield toBytes(text);
      text = "";
    }
  }
  if (text !== "") yield toBytes(text);
}
