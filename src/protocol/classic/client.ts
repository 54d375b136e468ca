/** Peer over command lines, one request at a time (W 12, W 15, W 18.4). */
import {
  type ByteStream,
  type DbName,
  DONE,
  failed,
  type HostName,
  type Key,
  nameOrder,
  type Nanos,
  type Outcome,
  parseCheckText,
  type Present,
  type Refusal,
  type SizedStream,
} from "../../model/mod.ts";
import type { DeltaSource, ListedRow, LookResult, Peer, ThereView } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
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
import { creationLine, followUps, timeArgument, timeFromServer, type TimeUnit } from "./flavour.ts";
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
const LINE_TOO_LONG = failed("Name too long for one command");

/** What callers' code did while the peer streamed: its error is thrown once replies are in step again. */
type Settled<T> = { readonly value: T } | { readonly thrown: unknown };

export class ClassicPeer implements Peer {
  readonly window = 1;
  readonly timeUnit: TimeUnit;
  readonly #wire: Wire;
  readonly #maxSignatureBytes: number;
  readonly #goodbyeMs: number;
  #state: "idle" | "busy" | "used-up" = "idle";
  #myName: HostName | undefined;

  constructor(wire: Wire, timeUnit: TimeUnit, limits: ClientLimits = {}) {
    this.#wire = wire;
    this.timeUnit = timeUnit;
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
    const settled = await this.#exchange(async (): Promise<Settled<LookResult<T>>> => {
      await this.#wire.send(line);
      const reply = await this.#status();
      if (!isOk(reply)) return { value: refusal(reply) };
      return await this.#lookBody(absence(reply), judge);
    });
    return unwrap(settled);
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
    const final = outcomeOf(await this.#status());
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

  async put(key: Key, name: DbName, want: Present, content?: DeltaSource): Promise<Outcome> {
    const creation = creationLine(this.timeUnit, key, name, want);
    const batches = followUps(this.timeUnit, key, name, want);
    if (![creation, ...batches.flat()].every(fitsCommandLine)) return LINE_TOO_LONG;
    if (want.kind === "lnk" && want.target === "") return failed("Empty link target");
    if (want.kind === "reg" && content === undefined) {
      throw new RangeError("Cannot put a regular file without its content");
    }
    const settled = await this.#exchange(async (): Promise<Settled<Outcome>> => {
      const made = want.kind === "reg"
        ? await this.#patch(creation, content!)
        : { value: await this.#command(creation) };
      if ("thrown" in made || made.value.kind !== "done") return made;
      for (const batch of batches) {
        const outcome = await this.#commands(batch);
        if (outcome.kind !== "done") return { value: outcome };
      }
      return made;
    });
    return unwrap(settled);
  }

  /** PATCH or ATOMICPATCH (W 15.4). */
  async #patch(line: string, content: DeltaSource): Promise<Settled<Outcome>> {
    await this.#wire.send(line);
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
    return { value: await this.#sendDelta(made.value) };
  }

  async #sendDelta(delta: SizedStream | undefined): Promise<Outcome> {
    if (delta === undefined) return await this.#giveUp();
    if (this.#wire.duplex.pending > 0) {
      // W 20.1: a C server that has already refused would execute the delta as commands.
      return notAdmitted(await this.#status());
    }
    await this.#wire.sendStream(delta);
    return outcomeOf(await this.#status());
  }

  /** Ends a PATCH without a delta. */
  async #giveUp(): Promise<Refusal> {
    await this.#wire.send("ERROR");
    const outcome = outcomeOf(await this.#status());
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
    return await this.#exchange(async () => {
      let text = await this.#number(line);
      // "5" may be "51" cut by a dying connection (W 2.1): then asking again fails.
      if (typeof text === "string" && text.length === 1) text = await this.#number(line);
      if (typeof text === "object") return text;
      const value = parseWholeNumber(text);
      if (value === undefined || (of === "size" && value < -1n)) {
        throw new ProtocolError("line", `Cannot read a number: the peer sent "${printable(text)}"`);
      }
      if (value === -1n) return undefined;
      return of === "size" ? value : timeFromServer(this.timeUnit, value);
    });
  }

  async #number(line: string): Promise<string | Refusal> {
    await this.#wire.send(line);
    const reply = await this.#status();
    if (!reply.startsWith(REPLY.dataFollows)) return refusal(reply);
    return await this.#wire.line(TEXT_LINE_MAX_BYTES); // no final status (W 12)
  }

  async *list(
    peerName: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncGenerator<ListedRow> {
    const lines = listLines(peerName, keys, only);
    if (lines.length === 1) return yield* this.#listRows(lines[0]!);
    // More keys than one LIST takes: rows of several answers, put in order here.
    const rows = new Map<string, ListedRow>();
    for (const line of lines) {
      for await (const row of this.#listRows(line)) rows.set(row.name, row);
    }
    yield* [...rows.values()].sort((a, b) => nameOrder(a.name, b.name));
  }

  async *#listRows(line: string): AsyncGenerator<ListedRow> {
    this.#begin();
    await this.#wire.send(line);
    let last = "";
    while (true) {
      const text = whole(await this.#wire.line(LIST_ROW_MAX_BYTES));
      if (!text.startsWith("v")) {
        this.#listEnd(text);
        return;
      }
      const parsed = parseListRow(text);
      if (parsed === undefined || parsed.encoded <= last) {
        throw new ProtocolError(
          "line",
          `Cannot use a row of the peer's list: "${printable(text)}"`,
        );
      }
      last = parsed.encoded;
      yield parsed.row;
    }
  }

  #listEnd(text: string): void {
    if (outcomeOf(text).kind !== "done") {
      throw new ProtocolError("refused", `Cannot list: the peer answered "${printable(text)}"`);
    }
    this.#state = "idle";
  }

  async content(key: Key, name: DbName): Promise<ByteStream | Refusal> {
    const line = commandLine("TYPE", key, name);
    if (!fitsCommandLine(line)) return LINE_TOO_LONG;
    return await this.#exchange<ByteStream | Refusal>(async () => {
      await this.#wire.send(line);
      const reply = await this.#status();
      if (!reply.startsWith(REPLY.dataFollows)) return refusal(reply);
      return this.#untilEnd();
    }, (result) => Symbol.asyncIterator in result);
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
    if (this.#state !== "idle") return await duplex[Symbol.asyncDispose]();
    this.#state = "used-up";
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
    return await this.#exchange(() => this.#command(line));
  }

  async #command(line: string): Promise<Outcome> {
    await this.#wire.send(line);
    return outcomeOf(await this.#status());
  }

  /** Sends the lines in one write and reads a reply for each; the first one that is not success counts. */
  async #commands(lines: readonly string[]): Promise<Outcome> {
    await this.#wire.send(...lines);
    let first: Outcome = DONE;
    for (const _ of lines) {
      const outcome = outcomeOf(await this.#status());
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

  #begin(): void {
    if (this.#state !== "idle") {
      const why = this.#state === "busy" ? "another request is under way" : "it ended before";
      throw new ProtocolError("unusable", `Cannot use the connection: ${why}`);
    }
    this.#state = "busy";
  }

  /** Runs one request. When it throws the connection stays "busy" for ever: nobody knows what comes next. */
  async #exchange<T>(work: () => Promise<T>, endsAll?: (result: T) => boolean): Promise<T> {
    this.#begin();
    const result = await work();
    this.#state = endsAll?.(result) ? "used-up" : "idle";
    return result;
  }
}

/** A line of at least two bytes: a Duplex gives the last byte of a dying connection as a line (W 2.1). */
function whole(line: string): string {
  if (line.length > 1) return line;
  throw new ProtocolError("closed", "Cannot go on: the peer's answer was cut short");
}

/** The error reply to a command whose success is something else than plain. */
function refusal(reply: string): Refusal {
  const outcome = outcomeOf(reply);
  if (outcome.kind !== "done") return outcome;
  throw new ProtocolError("desync", `Cannot go on: the peer answered "${printable(reply)}"`);
}

/** What came in place of `OK (send_data).`; a success text means that the peer did nothing (W 20.4). */
function notAdmitted(reply: string): Refusal {
  const outcome = outcomeOf(reply);
  return outcome.kind === "done" ? failed(`Not accepted: ${printable(reply)}`) : outcome;
}

/** What the first line of SIG's answer says about absence. */
function absence(reply: string): "absent" | "behind-link" | undefined {
  if (reply.startsWith(REPLY.pathNotFound)) return "absent";
  if (reply.startsWith(REPLY.notFound)) return "behind-link";
  if (!reply.startsWith(REPLY.dataFollows)) refusal(reply);
  return undefined;
}

async function settle<T>(work: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return { thrown };
  }
}

function unwrap<T>(settled: Settled<T>): T {
  if ("thrown" in settled) throw settled.thrown;
  return settled.value;
}
