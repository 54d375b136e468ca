/** Requests as the client writes them; what the server reads stands in requests.ts (pure). */
import type { KeyRange, Nanos, Present, Regular } from "../../model/mod.ts";
import type { SmallPut } from "../bulk.ts";
import type { Writer } from "./bytes.ts";
import type { FrameSender } from "./frame_sender.ts";
import { CAPABILITY, CONTENT, FRAME } from "./layout.ts";
import { addressBytes, entryBytes, writeAddress, writeEntry } from "./values.ts";

/** Place of the key in HELLO, and a name. */
export interface Target {
  readonly key: number;
  readonly name: string;
}

/** What a frame has besides its address. */
const SMALL_BYTES = 16;

export function targetBytes({ name }: Target): number {
  return addressBytes(name) + SMALL_BYTES;
}

export interface HelloFrame {
  readonly name: string;
  readonly isPacking: boolean;
  readonly proofs: readonly Uint8Array[];
}

export function sendHello(sender: FrameSender, id: number, hello: HelloFrame): void {
  const { name, isPacking, proofs } = hello;
  const bytes = 7 + name.length + proofs.reduce((sum, proof) => sum + proof.length, 0);
  const writer = sender.begin(FRAME.hello, id, bytes);
  writer.u32(isPacking ? CAPABILITY.zstd : 0);
  writer.string(name);
  writer.u8(proofs.length);
  for (const proof of proofs) writer.raw(proof);
  sender.end();
}

/** A request on one name and nothing else. */
export function sendPlain(
  sender: FrameSender,
  id: number,
  { do: what, ...target }: Target & {
    readonly do: "look" | "digest" | "remove" | "flush" | "content";
  },
): void {
  writeAddress(sender.begin(FRAME[what], id, targetBytes(target)), target.key, target.name);
  sender.end();
}

export function sendTouch(
  sender: FrameSender,
  id: number,
  target: Target & { readonly mtime: Nanos },
): void {
  const writer = sender.begin(FRAME.touch, id, targetBytes(target));
  writeAddress(writer, target.key, target.name);
  writer.i64(target.mtime);
  sender.end();
}

export function sendMeasure(
  sender: FrameSender,
  id: number,
  target: Target & { readonly of: "mtime" | "size" },
): void {
  const writer = sender.begin(FRAME.measure, id, targetBytes(target));
  writeAddress(writer, target.key, target.name);
  writer.u8(target.of === "mtime" ? 0 : 1);
  sender.end();
}

export function sendMake(
  sender: FrameSender,
  id: number,
  target: Target & { readonly want: Present },
): void {
  const writer = sender.begin(FRAME.make, id, targetBytes(target) + entryBytes(target.want));
  writeAddress(writer, target.key, target.name);
  writeEntry(writer, target.want);
  sender.end();
}

export interface PutFrame extends Target {
  readonly want: Regular;
  readonly content: keyof typeof CONTENT;
  /** With `inside`. */
  readonly inside?: Uint8Array;
}

export function sendPut(sender: FrameSender, id: number, put: PutFrame): void {
  const { key, name, want, content, inside } = put;
  // PERF: with room for a short content, so that it lands behind its request in the same buffer.
  const room = inside !== undefined && inside.length < 65_536 ? inside.length : 0;
  const writer = sender.begin(FRAME.put, id, targetBytes(put) + entryBytes(want) + room);
  writeAddress(writer, key, name);
  writer.u8(CONTENT[content]);
  writeEntry(writer, want);
  sender.end(inside);
}

/** Room that a file of PUTS needs. */
export function putsRowBytes({ name, want }: Pick<SmallPut, "name" | "want">): number {
  return addressBytes(name) + entryBytes(want) + want.size;
}

/** What PUTS has besides its rows. */
export const PUTS_HEAD_BYTES = 2;

/** The payload of PUTS. @param keys of each row, by its place in HELLO */
export function writePuts(
  writer: Writer,
  rows: readonly SmallPut[],
  keys: readonly number[],
): void {
  writer.u16(rows.length);
  for (let n = 0; n < rows.length; n++) {
    const { name, want, content } = rows[n]!;
    writeAddress(writer, keys[n]!, name);
    writeEntry(writer, want);
    writer.raw(content);
  }
}

export interface CopyFrame extends Target {
  readonly want: Regular;
  readonly like: Target;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

export function copyBytes({ want, like, digest, ...target }: CopyFrame): number {
  return targetBytes(target) + entryBytes(want) + targetBytes(like) + digest.length;
}

export function sendCopy(sender: FrameSender, id: number, copy: CopyFrame): void {
  const writer = sender.begin(FRAME.copy, id, copyBytes(copy));
  writeAddress(writer, copy.key, copy.name);
  writeEntry(writer, copy.want);
  writeAddress(writer, copy.like.key, copy.like.name);
  writer.raw(copy.digest);
  sender.end();
}

export interface OfferFrameRow extends Target {
  readonly here: Present;
  readonly isCurrent: boolean;
}

/** Room that a row of an offer needs. */
export function offerBytes({ name, here }: Pick<OfferFrameRow, "name" | "here">): number {
  return addressBytes(name) + 1 + entryBytes(here);
}

export function sendOffer(
  sender: FrameSender,
  id: number,
  { rows, bytes }: { readonly rows: readonly OfferFrameRow[]; readonly bytes: number },
): void {
  const writer = sender.begin(FRAME.offer, id, 2 + bytes);
  writer.u16(rows.length);
  for (const { key, name, here, isCurrent } of rows) {
    writeAddress(writer, key, name);
    writer.u8(isCurrent ? 1 : 0);
    writeEntry(writer, here);
  }
  sender.end();
}

/** Whose records: those of the server's own name, for groups with these keys. */
export interface ListingFrame {
  readonly name: string;
  readonly keys: readonly number[];
}

/** Room that a list, its ranges or its rows need. */
export function listingBytes(
  { name, keys }: ListingFrame,
  texts: readonly string[],
): number {
  return name.length + keys.length + SMALL_BYTES +
    texts.reduce((sum, text) => sum + 2 + text.length, 0);
}

export function sendList(
  sender: FrameSender,
  id: number,
  listing: ListingFrame & { readonly only?: string | undefined },
): void {
  const { only } = listing;
  const texts = only === undefined ? [] : [only];
  const writer = beginListing(sender, id, { listing, texts, type: FRAME.list });
  writer.u8(texts.length);
  if (only !== undefined) writer.string(only);
  sender.end();
}

export function sendRanges(
  sender: FrameSender,
  id: number,
  listing: ListingFrame & { readonly bounds: readonly string[] },
): void {
  sendBounds(sender, id, { listing, texts: listing.bounds, type: FRAME.ranges });
}

export function sendRows(
  sender: FrameSender,
  id: number,
  listing: ListingFrame & { readonly range: KeyRange },
): void {
  const { range: { from, before } } = listing;
  sendBounds(sender, id, { listing, texts: [from, before], type: FRAME.rows });
}

interface Texts {
  readonly listing: ListingFrame;
  readonly texts: readonly string[];
  readonly type: number;
}

function sendBounds(sender: FrameSender, id: number, listed: Texts): void {
  const writer = beginListing(sender, id, listed);
  writer.u16(listed.texts.length);
  for (const text of listed.texts) writer.string(text);
  sender.end();
}

function beginListing(sender: FrameSender, id: number, { listing, texts, type }: Texts) {
  const writer = sender.begin(type, id, listingBytes(listing, texts));
  writer.string(listing.name);
  writer.u8(listing.keys.length);
  for (const key of listing.keys) writer.u8(key);
  return writer;
}
