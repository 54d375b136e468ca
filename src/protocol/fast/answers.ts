/** Answers, as the server writes and the client reads them (pure). */
import { DONE, fromBytes, type Outcome, type Refusal } from "../../model/mod.ts";
import type { OfferAnswer } from "../bulk.ts";
import type { ListedRow } from "../peer.ts";
import { RANGES_MAX, type RangeSum } from "../ranges.ts";
import type { LookReply } from "../request.ts";
import { LIST_ROW_MAX_BYTES, listRow, parseListRow } from "../classic/codec.ts";
import { broken, type Reader, type Writer } from "./bytes.ts";
import { PROOF_BYTES } from "./keys.ts";
import { TEXT_MAX_BYTES } from "./layout.ts";
import { readRefusal, refusalBytes, writeRefusal } from "./values.ts";

/** What the server tells about itself when HELLO succeeded. */
export interface Welcome {
  readonly capabilities: number;
  /** LIMIT: requests without an answer, their bytes, and rows of an offer. */
  readonly requests: number;
  readonly requestBytes: number;
  readonly offers: number;
  /** In the order of the client's proofs; empty for keys that the server has not. */
  readonly proofs: readonly Uint8Array[];
}

export function welcomeBytes({ proofs }: Welcome): number {
  return 13 + proofs.length * (1 + PROOF_BYTES);
}

export function writeWelcome(writer: Writer, welcome: Welcome): void {
  writer.u32(welcome.capabilities);
  writer.u16(welcome.requests);
  writer.u32(welcome.requestBytes);
  writer.u16(welcome.offers);
  writer.u8(welcome.proofs.length);
  for (const proof of welcome.proofs) {
    writer.u8(proof.length === 0 ? 0 : 1);
    writer.raw(proof);
  }
}

export function readWelcome(reader: Reader): Welcome {
  const capabilities = reader.u32(), requests = reader.u16();
  const requestBytes = reader.u32(), offers = reader.u16();
  const proofs = Array.from(
    { length: reader.u8() },
    () => reader.choice(2) === 0 ? new Uint8Array(0) : reader.raw(PROOF_BYTES).slice(),
  );
  if (requests === 0 || offers === 0) throw broken("it takes no requests");
  return { capabilities, requests, requestBytes, offers, proofs };
}

const PLACES = ["absent", "behind-link", "there"] as const;

/** Room that an answer to LOOK needs. */
export function lookBytes(reply: Exclude<LookReply, Refusal>): number {
  return reply.kind === "there" ? 3 + reply.checkText.length : 1;
}

export function writeLook(writer: Writer, reply: Exclude<LookReply, Refusal>): void {
  writer.u8(PLACES.indexOf(reply.kind));
  if (reply.kind === "there") writer.string(reply.checkText);
}

export function readLook(reader: Reader): Exclude<LookReply, Refusal> {
  const kind = PLACES[reader.choice(PLACES.length)]!;
  return kind === "there" ? { kind, checkText: reader.string(TEXT_MAX_BYTES) } : { kind };
}

/** In the order of their numbers; behind them comes a refusal. */
const OFFER_KINDS = ["same", "absent", "behind-link", "there"] as const;
const REFUSED = OFFER_KINDS.length;

export function offerAnswersBytes(answers: readonly OfferAnswer[]): number {
  return answers.reduce((sum, answer) => sum + offerAnswerBytes(answer), 2);
}

function offerAnswerBytes(answer: OfferAnswer): number {
  switch (answer.kind) {
    case "there":
      return 3 + answer.checkText.length;
    case "same":
    case "absent":
    case "behind-link":
      return 1;
    default:
      return 1 + refusalBytes(answer);
  }
}

export function writeOfferAnswers(writer: Writer, answers: readonly OfferAnswer[]): void {
  writer.u16(answers.length);
  for (const answer of answers) {
    switch (answer.kind) {
      case "there":
      case "same":
      case "absent":
      case "behind-link":
        writer.u8(OFFER_KINDS.indexOf(answer.kind));
        if (answer.kind === "there") writer.string(answer.checkText);
        break;
      default:
        writer.u8(REFUSED);
        writeRefusal(writer, answer);
    }
  }
}

/** @throws ProtocolError `frame` unless there is one for each of `count` rows */
export function readOfferAnswers(reader: Reader, count: number): OfferAnswer[] {
  if (reader.u16() !== count) throw broken(`not each of ${count} offers has an answer`);
  const answers: OfferAnswer[] = [];
  for (let n = 0; n < count; n++) {
    const number = reader.choice(REFUSED + 1);
    const kind = OFFER_KINDS[number];
    if (kind === undefined) answers.push(readRefusal(reader));
    else if (kind !== "there") answers.push({ kind });
    else answers.push({ kind, checkText: reader.string(TEXT_MAX_BYTES) });
  }
  return answers;
}

/** Room that an answer to PUTS needs. */
export function outcomesBytes(outcomes: readonly Outcome[]): number {
  let bytes = 2;
  for (const outcome of outcomes) {
    bytes += outcome.kind === "done" ? 1 : 1 + refusalBytes(outcome);
  }
  return bytes;
}

export function writeOutcomes(writer: Writer, outcomes: readonly Outcome[]): void {
  writer.u16(outcomes.length);
  for (const outcome of outcomes) {
    writer.u8(outcome.kind === "done" ? 0 : 1);
    if (outcome.kind !== "done") writeRefusal(writer, outcome);
  }
}

/** @throws ProtocolError `frame` unless there is one for each of `count` rows */
export function readOutcomes(reader: Reader, count: number): Outcome[] {
  if (reader.u16() !== count) throw broken(`not each of ${count} files has an answer`);
  const outcomes: Outcome[] = [];
  for (let n = 0; n < count; n++) {
    outcomes.push(reader.choice(2) === 0 ? DONE : readRefusal(reader));
  }
  return outcomes;
}

const DIGEST_BYTES = 32;

/** A digest, or nothing where there is none. */
export function readDigest(reader: Reader): Uint8Array | undefined {
  return reader.left === 0 ? undefined : reader.raw(DIGEST_BYTES).slice();
}

/** A number, or nothing where there is no object. */
export function readNumber(reader: Reader): bigint | undefined {
  return reader.left === 0 ? undefined : reader.i64();
}

const SUM_BYTES = 4 + DIGEST_BYTES;

export function sumsBytes(sums: readonly RangeSum[]): number {
  return sums.length * SUM_BYTES;
}

export function writeSums(writer: Writer, sums: readonly RangeSum[]): void {
  for (const { count, digest } of sums) {
    if (digest.length !== DIGEST_BYTES) throw new RangeError("Cannot send a digest of that length");
    writer.u32(count);
    writer.text(digest);
  }
}

export function readSums(reader: Reader, count: number): RangeSum[] {
  if (count > RANGES_MAX) throw new RangeError(`Cannot ask for ${count} ranges`);
  return Array.from(
    { length: count },
    () => ({ count: reader.u32(), digest: reader.text(DIGEST_BYTES) }),
  );
}

/** A row of a list: both halves are encoded and hold neither tab nor line feed. */
export function rowText(row: ListedRow): string {
  return `${listRow(row)}\n`;
}

/**
 * Rows of one DATA, which holds whole ones only.
 * @param after key of the row before: they ascend
 * @throws ProtocolError `frame`
 */
export function readRows(bytes: Uint8Array, after: string): ListedRow[] {
  const lines = fromBytes(bytes).split("\n");
  if (lines.pop() !== "") throw broken("a row of a list has no end");
  let last = after;
  return lines.map((line) => {
    const row = line.length < LIST_ROW_MAX_BYTES ? parseListRow(line) : undefined;
    if (row === undefined || !row.stored.startsWith("v")) throw broken("a row of a list is none");
    if (row.key <= last) throw broken("the rows of a list do not ascend");
    last = row.key;
    return row;
  });
}
