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
} from "../../model/mod.ts";
import type { DeltaSource, ListedRow, LookResult, Peer, PutOptions, ThereView } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import {
  absence,
  refusal,
  settle,
  type Settled,
  statusLine,
  unwrap,
  uselessRow,
  whole,
} from "./answers.ts";
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
import { Dialogue } from "./dialogue.ts";
import {
  creationLine,
  followUps,
  type ServerKind,
  timeArgument,
  timeFromServer,
  type TimeUnit,
} from "./flavour.ts";
import { ABSENT_TEXT, isOk, outcomeOf, printable, REPLY } from "./replies.ts";
import { PatchSender } from "./patch.ts";
import type { Wire } from "./wire.ts";

export interface ClientLimits {
  /** How often a fast connection says that it is alive; far below any idle deadline. @default {60_000} */
  readonly aliveMs?: number;
  /**
   * Longest time in which a fast connection neither answers anything nor moves contents, while it says
   * that it is alive; and as long as it takes to read the contents in work at 4 MiB a second.
   * @default {900_000}
   */
  readonly stallMs?: number;
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
const WINDOW = { ours: 64, other: 16 };
/** Longest file that is sent before the peer has agreed to take it. LIMIT: what a refusal may waste. */
const EAGER_MAX_BYTES = 1_048_576;

export class ClassicPeer implements Peer {
  readonly dialect = "classic";
  readonly window: number;
  readonly timeUnit: TimeUnit;
  readonly #wire: Wire;
  readonly #patches: PatchSender;
  readonly #maxSignatureBytes: number;
  readonly #goodbyeMs: number;
  readonly #dialogue = new Dialogue();
  #myName: HostName | undefined;

  constructor(wire: Wire, { timeUnit, isOurs }: ServerKind, limits: ClientLimits = {}) {
    this.#wire = wire;
    this.timeUnit = timeUnit;
    this.window = isOurs ? WINDOW.ours : WINDOW.other;
    this.#maxSignatureBytes = limits.maxSignatureBytes ?? MAX_SIGNATURE_BYTES;
    this.#patches = new PatchSender(wire, { isOurs, maxSignatureBytes: this.#maxSignatureBytes });
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
        const reply = await statusLine(this.#wire);
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
    return unwrap(
      await this.#dialogue.exchange((turn) =>
        isNew && this.#patches.isOurs
          ? this.#patches.sendAtOnce(line, content, turn)
          : this.#patches.send(line, content, turn)
      ),
    );
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
      const reply = await statusLine(this.#wire);
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
    const reply = await statusLine(this.#wire);
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

  async #outcome(): Promise<Outcome> {
    return outcomeOf(await statusLine(this.#wire));
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
}
