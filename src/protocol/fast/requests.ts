/** Requests as the server reads them; what the client writes stands in client_frames.ts (pure). */
import { type KeyRange, type Nanos, nanos, type Present, type Regular } from "../../model/mod.ts";
import { areBounds, BOUND_MAX_BYTES, RANGES_MAX } from "../ranges.ts";
import { broken, Reader } from "./bytes.ts";
import { MAX_KEYS, PROOF_BYTES } from "./keys.ts";
import {
  CONTENT,
  DIGEST_BYTES,
  FRAME,
  HOST_NAME_MAX_BYTES,
  INSIDE_MAX_BYTES,
  NAME_MAX_BYTES,
  OFFERS_MAX,
  PUTS_BYTES_MAX,
  PUTS_MAX,
} from "./layout.ts";
import { readEntry, readName } from "./values.ts";

/** Place of a key in HELLO, and a name that was not checked. */
interface Target {
  readonly key: number;
  readonly name: string;
}

export interface OfferRow extends Target {
  readonly here: Present;
  readonly isCurrent: boolean;
}

/** A small file with its content. */
export interface PutsRow extends Target {
  readonly want: Regular;
  readonly content: Uint8Array;
}

interface Listing {
  readonly name: string;
  readonly keys: readonly number[];
}

export type Request =
  | { readonly do: "offer"; readonly rows: readonly OfferRow[] }
  | Target & { readonly do: "look" | "digest" | "remove" | "flush" | "content" }
  | PutRequest
  | PutsRequest
  | Target & { readonly do: "make"; readonly want: Exclude<Present, { kind: "reg" }> }
  | CopyRequest
  | Target & { readonly do: "touch"; readonly mtime: Nanos }
  | Target & { readonly do: "measure"; readonly of: "mtime" | "size" }
  | Listing & { readonly do: "list"; readonly only?: string }
  | Listing & { readonly do: "ranges"; readonly bounds: readonly string[] }
  | Listing & { readonly do: "rows"; readonly range: KeyRange };

export interface PutRequest extends Target {
  readonly do: "put";
  readonly want: Regular;
  readonly content: "delta" | "whole" | "inside";
  /** With `inside`. */
  readonly inside?: Uint8Array;
}

/** Many small files at once. */
export interface PutsRequest {
  readonly do: "puts";
  readonly rows: readonly PutsRow[];
  /** In which the contents are. */
  readonly memory: Uint8Array;
}

/** A new file that is to be made from another one. */
export interface CopyRequest extends Target {
  readonly do: "copy";
  readonly want: Regular;
  readonly like: Target;
  readonly digest: Uint8Array;
}

export interface Hello {
  readonly name: string;
  readonly capabilities: number;
  readonly proofs: readonly Uint8Array[];
}

export function readHello(reader: Reader): Hello {
  const capabilities = reader.u32();
  const name = reader.string(HOST_NAME_MAX_BYTES);
  const count = reader.u8();
  if (count > MAX_KEYS) throw broken(`it proves ${count} keys, the limit is ${MAX_KEYS}`);
  const proofs = Array.from({ length: count }, () => reader.raw(PROOF_BYTES).slice());
  reader.done();
  return { name, capabilities, proofs };
}

/** Makes a piece of a frame one that lasts. */
export type Keep = (piece: Uint8Array) => Uint8Array;

/**
 * @param keep for what outlasts the frame
 * @throws ProtocolError `frame` for what is no request
 */
export function readRequest(type: number, reader: Reader, keep: Keep): Request {
  const request = parse(type, reader, keep);
  reader.done();
  return request;
}

function parse(type: number, reader: Reader, keep: Keep): Request {
  switch (type) {
    case FRAME.offer:
      return { do: "offer", rows: readOffers(reader) };
    case FRAME.look:
      return { do: "look", ...readTarget(reader) };
    case FRAME.digest:
      return { do: "digest", ...readTarget(reader) };
    case FRAME.remove:
      return { do: "remove", ...readTarget(reader) };
    case FRAME.flush:
      return { do: "flush", ...readTarget(reader) };
    case FRAME.content:
      return { do: "content", ...readTarget(reader) };
    case FRAME.put:
      return readPut(reader, keep);
    case FRAME.puts:
      return readPuts(reader, keep);
    case FRAME.make:
      return readMake(reader);
    case FRAME.copy:
      return readCopy(reader);
    case FRAME.touch:
      return { do: "touch", ...readTarget(reader), mtime: nanos(reader.i64()) };
    case FRAME.measure:
      return {
        do: "measure",
        ...readTarget(reader),
        of: reader.choice(2) === 0 ? "mtime" : "size",
      };
    default:
      return readListing(type, reader);
  }
}

function readTarget(reader: Reader): Target {
  return { key: reader.u8(), name: readName(reader) };
}

function readOffers(reader: Reader): OfferRow[] {
  const count = reader.u16();
  if (count > OFFERS_MAX) throw broken(`an offer has ${count} rows, the limit is ${OFFERS_MAX}`);
  const rows: OfferRow[] = [];
  for (let n = 0; n < count; n++) {
    const key = reader.u8(), name = readName(reader);
    rows.push({ key, name, isCurrent: reader.choice(2) === 1, here: readEntry(reader) });
  }
  return rows;
}

const CONTENTS = Object.keys(CONTENT) as (keyof typeof CONTENT)[];

function readPut(reader: Reader, keep: Keep): PutRequest {
  const target = readTarget(reader);
  const content = CONTENTS[reader.choice(CONTENTS.length)]!;
  const want = readEntry(reader);
  if (want.kind !== "reg") throw broken("a content is for something that has none");
  if (content !== "inside") return { do: "put", ...target, want, content };
  const inside = reader.rest();
  if (inside.length > INSIDE_MAX_BYTES || inside.length !== want.size) {
    throw broken(`a content of ${want.size} bytes has ${inside.length}`);
  }
  return { do: "put", ...target, want, content, inside: keep(inside) };
}

function readPuts(reader: Reader, keep: Keep): PutsRequest {
  const count = reader.u16();
  if (count < 1 || count > PUTS_MAX) {
    throw broken(`it puts ${count} files, the limit is ${PUTS_MAX}`);
  }
  const memory = keep(reader.rest());
  const lasting = new Reader();
  lasting.use(memory);
  lasting.span(0, memory.length);
  const rows: PutsRow[] = [];
  for (let n = 0, bytes = 0; n < count; n++) {
    const key = lasting.u8(), name = readName(lasting), want = readEntry(lasting);
    if (want.kind !== "reg") throw broken("a content is for something that has none");
    bytes += want.size;
    if (bytes > PUTS_BYTES_MAX) {
      throw broken(`its contents have more than ${PUTS_BYTES_MAX} bytes`);
    }
    rows.push({ key, name, want, content: lasting.raw(want.size) });
  }
  lasting.done();
  return { do: "puts", rows, memory };
}

function readCopy(reader: Reader): CopyRequest {
  const target = readTarget(reader), want = readEntry(reader);
  if (want.kind !== "reg") throw broken("a copy is of something that has no content");
  const like = readTarget(reader), digest = reader.raw(DIGEST_BYTES).slice();
  return { do: "copy", ...target, want, like, digest };
}

function readMake(reader: Reader): Request {
  const target = readTarget(reader), want = readEntry(reader);
  if (want.kind === "reg") throw broken("a file has to come with its content");
  return { do: "make", ...target, want };
}

function readListing(type: number, reader: Reader): Request {
  const name = reader.string(HOST_NAME_MAX_BYTES);
  const keys = [...reader.raw(reader.u8())];
  switch (type) {
    case FRAME.list: {
      if (reader.choice(2) === 0) return { do: "list", name, keys };
      return { do: "list", name, keys, only: reader.string(NAME_MAX_BYTES) };
    }
    case FRAME.ranges:
      return { do: "ranges", name, keys, bounds: readBounds(reader, RANGES_MAX) };
    case FRAME.rows: {
      const [from = "", before = ""] = readBounds(reader, 1);
      return { do: "rows", name, keys, range: { from, before } };
    }
    default:
      throw broken(`its type is ${type}`);
  }
}

/** Of up to `max` ranges. */
function readBounds(reader: Reader, max: number): string[] {
  const count = reader.u16();
  if (count > max + 1) throw broken(`it has ${count} bounds, the limit is ${max + 1}`);
  const bounds = Array.from({ length: count }, () => reader.string(BOUND_MAX_BYTES));
  if (!areBounds(bounds)) throw broken("its bounds are no ranges");
  return bounds;
}
