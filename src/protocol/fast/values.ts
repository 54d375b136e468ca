/** Objects, refusals and addresses as bytes (docs/fast-protocol.md, 2; pure). */
import {
  CONFLICT,
  type Meta,
  nanos,
  PARENT_MISSING,
  PERMISSION_BITS,
  type Present,
  type Refusal,
  TYPE_BITS,
} from "../../model/mod.ts";
import { broken, type Reader, type Writer } from "./bytes.ts";
import { NAME_MAX_BYTES, REPLY_MAX_BYTES, TARGET_MAX_BYTES } from "./layout.ts";

const KINDS: readonly Present["kind"][] = ["reg", "dir", "lnk", "chr", "blk", "fifo", "sock"];
const KIND_NUMBERS = Object.fromEntries(
  KINDS.map((kind, number) => [kind, number]),
) as Readonly<Record<Present["kind"], number>>;
/** Kind, mode, owner, time, and a size. */
const ENTRY_BYTES = 1 + 12 + 8 + 8;

/** Room that an entry needs at most. */
export function entryBytes(entry: Present): number {
  return ENTRY_BYTES + (entry.kind === "lnk" ? 2 + entry.target.length : 0);
}

/** Whether it can be said in frames: its time has to fit in 64 bits, its target in the limit. */
export function fitsEntry(entry: Present): boolean {
  const { mtime } = entry.meta;
  return BigInt.asIntN(64, mtime) === mtime &&
    (entry.kind !== "lnk" || entry.target.length <= TARGET_MAX_BYTES);
}

export function writeEntry(writer: Writer, entry: Present): void {
  const { mode, uid, gid, mtime } = entry.meta;
  writer.u8(KIND_NUMBERS[entry.kind]);
  writer.u32(mode);
  writer.u32(uid);
  writer.u32(gid);
  writer.i64(mtime);
  switch (entry.kind) {
    case "reg":
      return writer.u64(entry.size);
    case "lnk":
      return writer.string(entry.target);
    case "chr":
    case "blk":
      return writer.u32(entry.rdev);
  }
}

/** The type bits of the mode are those of the kind, whatever the peer says. */
export function readEntry(reader: Reader): Present {
  const kind = KINDS[reader.choice(KINDS.length)]!;
  const mode = TYPE_BITS[kind] | (reader.u32() & PERMISSION_BITS);
  const meta: Meta = {
    mode,
    uid: reader.u32(),
    gid: reader.u32(),
    mtime: nanos(reader.i64()),
  };
  switch (kind) {
    case "reg":
      return { kind, meta, size: reader.u64() };
    case "lnk":
      return { kind, meta, target: readTarget(reader) };
    case "chr":
    case "blk":
      return { kind, meta, rdev: reader.u32() };
    default:
      return { kind, meta };
  }
}

function readTarget(reader: Reader): string {
  const target = reader.string(TARGET_MAX_BYTES);
  if (target === "" || target.includes("\0")) throw broken("a link has no proper target");
  return target;
}

/** A key by its place in HELLO, and a name. */
export function writeAddress(writer: Writer, key: number, name: string): void {
  writer.u8(key);
  writer.string(name);
}

/** Room that an address needs. */
export function addressBytes(name: string): number {
  return 3 + name.length;
}

export function readName(reader: Reader): string {
  return reader.string(NAME_MAX_BYTES);
}

const REFUSALS = ["conflict", "parent-missing", "no grant", "slave", "failed"] as const;

/** Room that a refusal needs. */
export function refusalBytes(refusal: Refusal): number {
  return 3 + (refusal.kind === "failed" ? Math.min(refusal.reply.length, REPLY_MAX_BYTES) : 0);
}

export function writeRefusal(writer: Writer, refusal: Refusal): void {
  const word = refusal.kind === "denied" ? refusal.why : refusal.kind;
  writer.u8(REFUSALS.indexOf(word));
  writer.string(refusal.kind === "failed" ? printable(refusal.reply) : "");
}

export function readRefusal(reader: Reader): Refusal {
  const word = REFUSALS[reader.choice(REFUSALS.length)]!;
  const text = reader.string(REPLY_MAX_BYTES);
  switch (word) {
    case "conflict":
      return CONFLICT;
    case "parent-missing":
      return PARENT_MISSING;
    case "failed":
      return { kind: "failed", reply: printable(text) };
    default:
      return { kind: "denied", why: word };
  }
}

/** One line, and nothing that could play with a terminal; code units of bytes only. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, "?").replace(/[^\x00-\xff]/g, "?")
    .slice(0, REPLY_MAX_BYTES);
}
