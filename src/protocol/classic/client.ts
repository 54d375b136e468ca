/** Peer over command lines, several requests in flight (W 12, W 15, W 18.4). */
import {
  byteOrder,
  type ByteStream,
  type DbName,
  DONE,
  failed,
  type HostName,
  type Key,
  type Nanos,
  type Outcome,
  parseCheckText,
  type Present,
  type Refusal,
  type SizedStream,
  toBytes,
} from "../../model/mod.ts";
import type { DeltaSource, ListedRow, LookResult, Peer, PutOptions, ThereView } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import { absence, notAdmitted, refusal, settle, type Settled, unwrap, whole } from "./answers.ts";
import {
  commandLine,
  fitsCommandLine,
  LIST_ROW_MAX_BYTES,
  listLines,
  parseListRow,
  parseWholeNumber,
  STATUS_LINE_MAX_BYTES,
  TEXT_LINE_MAX_BYTES,
} from "./codec.ts";
import { Dialogue, type Turn } from "./dialogue.ts";
import {
  creationLine,
  followUps,
  type ServerKind,
  timeArgument,
  timeFromServer,
  type TimeUnit,
} from "./flavour.ts";
import { ABSENT_TEXT, isOk, outcomeOf, printable, REPLY } from "./replies.ts";
import type { Wire } from "./wire.ts";

export interface ClientLimits {
  /** Longest signature that is read. LIMIT: 2^34 bytes are the signature of a file of 1.7 TB. */
  readonly maxSignatureBytes?: number;
  /** How long to wait for the answer to BYE. @default {5_000} */
  readonly goodbyeMs?: number;
}

const MAX_SIGNATURE_BYTES = 2 ** 34;
/** Room for a file that grew between the peer's look at it and its signature. */
const SIGNATURE_SLACK_BYTES = 1_048_576;
const GOODBYE_MS = 5_000;
/** Rows of LIST begin with it, and nothing else does (W 17.1). */
const LIST_ROW_START = "v";
const LINE_TOO_LONG = failed("Name too long for one command");

/** Requests in flight. A C server is given less: it answers while it is still being written to. */
const WINDOW = { ours: 32, other: 16 };
/** Longest file that is sent before the peer has agreed to take it. LIMIT: what a refusal may waste. */
const EAGER_MAX_BYTES = 1_048_576;
/** Signature of a file that does not exist (W 10.1). */
const NO_BLOCKS = toBytes("rs\x016\0\0\x08\0\0\0\0\x08");

/**
 * A server's W 20.1 is why a `put` to a foreign one has the connection for itself: a C server that fails
 * behind `OK (send_data).` executes the delta, and what follows must not be taken for its replies.
 */
export class ClassicPeer implements Peer {
  readonly window: number;
  readonly timeUnit: TimeUnit;
  readonly #wire: Wire;
  readonly #isOurs: boolean;
  readonly #maxSignatureBytes: number;
  readonly #goodbyeMs: number;
  readonly #dialogue = new Dialogue();
  #myName: HostName | undefined;

  constructor(wire: Wire, { timeUnit, isOurs }: ServerKind, limits: ClientLimits = {}) {
    this.#wire = wire;
    this.timeUnit = timeUnit;
    this.#isOurs = isOurs;
    this.window = isOurs ? WINDOW.ours : WINDOW.other;
    this.#maxSignatureBytes = limits.maxSignatureBytes ?? MAX_SIGNATURE_BYTES;
    this.#goodbyeMs = limits.goodbyeMs ?? GOODBYE_MS;
  }

  async identify(myName: HostName): Promise<Outcome> {
    if (this.#myName === myName) return DONE;
    this.#myName = undefined; // the peer drops an earlier identity first (W 4.3)
    const outcome = await this.#plain(commandLine("HELLO", myName));
    if (outcome.kind === "done") this.#myName = myName;
    return outcome;
  }

  async look<T>(
    key: Key,
    name: DbName,
    judge: (there: ThereView) => Promise<T>,
  ): Promise<LookResult<T>> {
    const line = commandLine("SIG", key, name);
    if (!fitsCommandLine(line)) return LINE_TOO_LONG;
    return unwrap(
      await this.#ask([line], async (): Promise<Settled<LookResult<T>>> => {
        const reply = await this.#status();
        if (!isOk(reply)) return { value: refusal(reply) };
        return await this.#lookBody(absence(reply), judge);
      }),
    );
  }

  /** Check text, stream and final status: the three things behind any OK of SIG (W 12). */
  async #lookBody<T>(
    absent: "absent" | "behind-link" | undefined,
    judge: (there: ThereView) => Promise<T>,
  ): Promise<Settled<LookResult<T>>> {
    const checkText = await this.#wire.line(TEXT_LINE_MAX_BYTES);
    const isAbsent = checkText === ABSENT_TEXT;
    if (absent !== undefined && !isAbsent) {
      throw new ProtocolError(
        "line",
        `Cannot go on: the peer calls an object absent and describes it`,
      );
    }
    const size = await this.#wire.streamHeader(this.#signatureLimit(checkText));
    const stream = this.#wire.incoming(size === "none" ? 0 : size);
    const judged = isAbsent || size === "none"
      ? undefined
      : await settle(() => judge({ checkText, signature: stream.bytes }));
    await stream.skip();
    const final = await this.#outcome();
    if (final.kind !== "done") return { value: final };
    if (isAbsent) return { value: { kind: absent ?? "absent" } };
    // W 20.2: the C server has no signature to send; its final status was read all the same.
    if (judged === undefined) return { value: failed("The peer cannot read it") };
    return "thrown" in judged ? judged : { value: { kind: "there", judged: judged.value } };
  }

  #signatureLimit(checkText: string): number {
    const size = parseCheckText(checkText)?.size;
    if (size === undefined) return this.#maxSignatureBytes;
    return Math.min(this.#maxSignatureBytes, Number(size) + SIGNATURE_SLACK_BYTES);
  }

  async put(
    key: Key,
    name: DbName,
    want: Present,
    content?: DeltaSource,
    { isNew = false }: PutOptions = {},
  ): Promise<Outcome> {
    const creation = creationLine(this.timeUnit, key, name, want);
    const batches = followUps(this.timeUnit, key, name, want);
    if (![creation, ...batches.flat()].every(fitsCommandLine)) return LINE_TOO_LONG;
    if (want.kind === "lnk" && want.target === "") return failed("Empty link target");
    const made = want.kind === "reg"
      ? await this.#putFile(creation, content, isNew && want.size <= EAGER_MAX_BYTES)
      : await this.#ask([creation], () => this.#outcome());
    if (made.kind !== "done") return made;
    for (const batch of batches) {
      const outcome = await this.#ask(batch, () => this.#outcomes(batch.length));
      if (outcome.kind !== "done") return outcome;
    }
    return made;
  }

  /** PATCH or ATOMICPATCH (W 15.4). */
  async #putFile(line: string, content: DeltaSource | undefined, isNew: boolean): Promise<Outcome> {
    if (content === undefined) {
      throw new RangeError("Cannot put a regular file without its content");
    }
    if (!this.#isOurs) return unwrap(await this.#alone((turn) => this.#patch(line, content, turn)));
    return unwrap(
      await this.#dialogue.exchange((turn) =>
        isNew ? this.#eagerPatch(line, content, turn) : this.#patch(line, content, turn)
      ),
    );
  }

  /** Nothing else may be written between the command and its delta. */
  async #patch(line: string, content: DeltaSource, turn: Turn): Promise<Settled<Outcome>> {
    await turn.toSend();
    await this.#wire.send(line);
    await turn.toRead();
    const reply = await this.#status();
    if (!reply.startsWith(REPLY.sendData)) return { value: notAdmitted(reply) };
    const size = await this.#wire.streamHeader(this.#maxSignatureBytes);
    if (size === "none") { // W 20.3: the peer has no signature, yet waits for an answer
      return { value: await this.#giveUp() };
    }
    const signature = this.#wire.incoming(size);
    const made = await settle(() => content(signature.bytes));
    await signature.skip();
    if ("thrown" in made) {
      await this.#giveUp();
      return made;
    }
    return { value: await this.#sendDelta(made.value, turn) };
  }

  async #sendDelta(delta: SizedStream | undefined, turn: Turn): Promise<Outcome> {
    if (delta === undefined) return await this.#giveUp();
    if (this.#wire.duplex.pending > 0) {
      // W 20.1: a C server that has already refused would execute the delta as commands.
      return notAdmitted(await this.#status());
    }
    await this.#wire.sendStream(delta);
    if (this.#isOurs) turn.sent();
    return await this.#outcome();
  }

  /**
   * To a server of ours, which takes a stream behind a refused command without executing it: command
   * and delta in one go.
   *
   * PERF: without it each new file costs a round trip of its own.
   */
  async #eagerPatch(line: string, content: DeltaSource, turn: Turn): Promise<Settled<Outcome>> {
    await turn.toSend();
    const made = await settle(() => content(once(NO_BLOCKS)));
    if ("thrown" in made) return made;
    if (made.value === undefined) return { value: failed("Given up") };
    await this.#wire.send(line);
    await this.#wire.sendStream(made.value);
    turn.sent();
    await turn.toRead();
    const reply = await this.#status();
    if (!reply.startsWith(REPLY.sendData)) return { value: notAdmitted(reply) };
    const size = await this.#wire.streamHeader(this.#maxSignatureBytes);
    if (size !== "none") await this.#wire.incoming(size).skip();
    return { value: await this.#outcome() };
  }

  /** Ends a PATCH without a delta. */
  async #giveUp(): Promise<Refusal> {
    await this.#wire.send("ERROR");
    const outcome = await this.#outcome();
    return outcome.kind === "done" ? failed("Given up") : outcome;
  }

  remove(key: Key, name: DbName): Promise<Outcome> {
    return this.#plain(commandLine("DEL", key, name));
  }

  touch(key: Key, name: DbName, mtime: Nanos): Promise<Outcome> {
    return this.#plain(commandLine("SETIME", key, name, timeArgument(this.timeUnit, mtime)));
  }

  flush(key: Key, name: DbName): Promise<Outcome> {
    return this.#plain(commandLine("FLUSH", key, name));
  }

  async measure(
    key: Key,
    name: DbName,
    of: "mtime" | "size",
  ): Promise<bigint | undefined | Refusal> {
    const line = commandLine(of === "mtime" ? "GETTM" : "GETSZ", key, name);
    if (!fitsCommandLine(line)) return LINE_TOO_LONG;
    let text = await this.#number(line);
    // "5" may be "51" cut by a dying connection (W 2.1): then asking again fails.
    if (typeof text === "string" && text.length === 1) text = await this.#number(line);
    if (typeof text === "object") return text;
    const value = parseWholeNumber(text);
    if (value === -1n) return undefined;
    return of === "size" ? value! : timeFromServer(this.timeUnit, value!);
  }

  /** GETTM or GETSZ. @returns a whole number within 64 bits */
  #number(line: string): Promise<string | Refusal> {
    return this.#ask([line], async () => {
      const reply = await this.#status();
      if (!reply.startsWith(REPLY.dataFollows)) return refusal(reply);
      const text = await this.#wire.line(TEXT_LINE_MAX_BYTES); // no final status (W 12)
      const value = parseWholeNumber(text);
      if (value === undefined || (line.startsWith("GETSZ") && value < -1n)) {
        throw new ProtocolError("line", `Cannot read a number: the peer sent "${printable(text)}"`);
      }
      return text;
    });
  }

  async *list(
    peerName: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncGenerator<readonly ListedRow[]> {
    const lines = listLines(peerName, keys, only);
    if (lines.length === 1) return yield* this.#listRows(lines[0]!);
    // More keys than one LIST takes: rows of several answers, put in order here.
    const rows = new Map<string, ListedRow>();
    for (const line of lines) {
      for await (const batch of this.#listRows(line)) {
        for (const row of batch) rows.set(row.key, row);
      }
    }
    if (rows.size > 0) yield [...rows.values()].sort((a, b) => byteOrder(a.key, b.key));
  }

  async *#listRows(line: string): AsyncGenerator<readonly ListedRow[]> {
    this.#dialogue.claim();
    await this.#wire.send(line);
    let last = "", end: string | undefined;
    while (end === undefined) {
      const lines = await this.#wire.lines(LIST_ROW_MAX_BYTES, LIST_ROW_START);
      if (!lines.at(-1)!.startsWith(LIST_ROW_START)) end = lines.pop()!;
      const rows = lines.map((text) => {
        const row = parseListRow(text);
        if (row === undefined || row.key <= last) throw uselessRow(text);
        last = row.key;
        return row;
      });
      if (rows.length > 0) yield rows;
    }
    this.#listEnd(end);
  }

  #listEnd(text: string): void {
    if (outcomeOf(whole(text)).kind !== "done") {
      throw new ProtocolError("refused", `Cannot list: the peer answered "${printable(text)}"`);
    }
    this.#dialogue.reopen();
  }

  async content(key: Key, name: DbName): Promise<ByteStream | Refusal> {
    const line = commandLine("TYPE", key, name);
    if (!fitsCommandLine(line)) return LINE_TOO_LONG;
    this.#dialogue.claim();
    await this.#wire.send(line);
    const reply = await this.#status();
    if (reply.startsWith(REPLY.dataFollows)) {
      this.#dialogue.close();
      return this.#untilEnd();
    }
    const refused = refusal(reply);
    this.#dialogue.reopen();
    return refused;
  }

  async *#untilEnd(): AsyncGenerator<Uint8Array> {
    while (true) {
      const piece = await this.#wire.duplex.readSome(65_536);
      if (piece === undefined) return;
      yield piece;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { duplex } = this.#wire;
    if (!this.#dialogue.isIdle) return await duplex[Symbol.asyncDispose]();
    this.#dialogue.close();
    duplex.setIdleDeadline(this.#goodbyeMs);
    try {
      await this.#wire.send("BYE");
      await this.#wire.lineOrEnd(STATUS_LINE_MAX_BYTES); // the answer does not matter (W 15.1)
    } catch { // nothing is lost: every request was answered
    }
    await duplex.end();
  }

  async #plain(line: string): Promise<Outcome> {
    if (!fitsCommandLine(line)) return LINE_TOO_LONG;
    return await this.#ask([line], () => this.#outcome());
  }

  /** Writes lines and passes the turn on at once; `read` takes all that they are answered with. */
  #ask<T>(lines: readonly string[], read: () => Promise<T>): Promise<T> {
    return this.#dialogue.exchange(async (turn) => {
      await turn.toSend();
      const sending = this.#wire.send(...lines);
      sending.catch(() => {}); // awaited below, after the replies of others
      turn.sent();
      await turn.toRead();
      await sending;
      return await read();
    });
  }

  /** Everything before was answered, and nothing follows until `work` is done. */
  #alone<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#dialogue.exchange(async (turn) => {
      await turn.toSend();
      await turn.toRead();
      return await work(turn);
    });
  }

  async #outcome(): Promise<Outcome> {
    return outcomeOf(await this.#status());
  }

  /** A reply for each of several lines; the first one that is not success counts. */
  async #outcomes(count: number): Promise<Outcome> {
    let first: Outcome = DONE;
    for (let at = 0; at < count; at++) {
      const outcome = await this.#outcome();
      if (first.kind === "done") first = outcome;
    }
    return first;
  }

  /** A status line. One blank line before it is skipped: C servers end two error texts twice (W 20.4). */
  async #status(): Promise<string> {
    let line = await this.#wire.line(STATUS_LINE_MAX_BYTES);
    if (line === "") line = await this.#wire.line(STATUS_LINE_MAX_BYTES);
    return whole(line);
  }
}

async function* once(bytes: Uint8Array): ByteStream {
  yield await Promise.resolve(bytes);
}
