/** Check texts: one object's metadata in one line, `v1:mtime=..:mode=..` (W 8, D 3.6). */
import type { Entry, Present } from "./entry.ts";
import { percentDecode, percentEncode } from "./percent.ts";
import { fromEitherUnit, type Nanos, NANOS_PER_SECOND, toSeconds, unitOf } from "./time.ts";

/** What the `ignore` statement switches off (D 1.10). */
export interface Ignored {
  readonly uid: boolean;
  readonly gid: boolean;
  readonly mod: boolean;
}
export const NOTHING_IGNORED: Ignored = { uid: false, gid: false, mod: false };

/** How the time is written: `zero` in SIG, `seconds` by csync2 2.0, `nanos` by 2.1.1. */
export type CheckTime = "zero" | "seconds" | "nanos";

export interface CheckTextOptions {
  readonly time: CheckTime;
  readonly ignored: Ignored;
}

/** The text as it travels in SIG: `v1:mtime=0:mode=33188:...`. Only a link's target is encoded in it. */
export function checkText(entry: Present, options: CheckTextOptions): string {
  return write(entry, options, ":", percentEncode);
}

/**
 * The text as the database and LIST have it: encoded once more, `v1%3Amtime=...`.
 *
 * PERF: same as percentEncode(checkText(...)), without the second pass; a check builds one per file.
 */
export function storedCheckText(entry: Present, options: CheckTextOptions): string {
  return write(entry, options, "%3A", (target) => percentEncode(percentEncode(target)));
}

/**
 * The part of an object's time that its stored text leaves out; undefined when there is none. Everybody who
 * writes a record has to agree: with another one an object is not what its record says.
 */
export function storedSubsecond(
  { kind, meta }: Present,
  time: Exclude<CheckTime, "zero">,
): number | undefined {
  return time === "nanos" || kind === "dir" || kind === "lnk" ? undefined : subsecond(meta.mtime);
}

/** The last one that was made. */
let middle = { kind: "", mode: 0, uid: 0, gid: 0, ignored: NOTHING_IGNORED, colon: "", text: "" };

/** What stands between time and size. PERF: neighbours have the same; with a memory, half of the time. */
function middleOf(
  { kind, meta: { mode, uid, gid } }: Present,
  ignored: Ignored,
  colon: string,
): string {
  const isLast = middle.kind === kind && middle.mode === mode && middle.uid === uid &&
    middle.gid === gid && middle.ignored === ignored && middle.colon === colon;
  if (isLast) return middle.text;
  let text = "";
  if (!ignored.mod) text += `${colon}mode=${mode}`;
  if (!ignored.uid) text += `${colon}uid=${uid | 0}`; // COMPAT: signed 32 bit (W 8)
  if (!ignored.gid) text += `${colon}gid=${gid | 0}`;
  text += `${colon}type=${kind}`;
  middle = { kind, mode, uid, gid, ignored, colon, text };
  return text;
}

/** PERF: a number becomes text in a quarter of the time that a big integer takes. */
function secondsOf(mtime: Nanos): number | bigint {
  const seconds = toSeconds(mtime);
  return BigInt.asIntN(53, seconds) === seconds ? Number(seconds) : seconds;
}

function write(
  entry: Present,
  { time, ignored }: CheckTextOptions,
  colon: string,
  encode: (target: string) => string,
): string {
  const { mtime } = entry.meta;
  const shared = middleOf(entry, ignored, colon);
  const text = entry.kind === "dir" || entry.kind === "lnk"
    ? `v1${shared}`
    : `v1${colon}mtime=${
      time === "zero" ? "0" : time === "nanos" ? mtime : secondsOf(mtime)
    }${shared}`;
  switch (entry.kind) {
    case "reg":
      return `${text}${colon}size=${entry.size}`;
    case "chr":
    case "blk":
      return `${text}${colon}dev=${entry.rdev | 0}`;
    case "lnk":
      return `${text}${colon}target=${encode(entry.target)}`;
    default:
      return text;
  }
}

/** The fields of a check text; a field is undefined when the text does not have it. */
export interface CheckFields {
  readonly type: Present["kind"];
  /** In the unit that the text has. */
  readonly mtime?: { readonly value: bigint; readonly unit: "seconds" | "nanos" };
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: bigint;
  readonly dev?: number;
  /** Decoded. Empty means unknown: C programs write it empty below a prefix (W 8). */
  readonly target?: string;
}

const CHECK_TEXT_REGEXP = new RegExp(
  "^v1(?::mtime=(-?\\d{1,19}))?(?::mode=(\\d{1,10}))?(?::uid=(-?\\d{1,10}))?(?::gid=(-?\\d{1,10}))?" +
    ":type=(?:(reg):size=(\\d{1,19})|(chr|blk):dev=(-?\\d{1,20})|(lnk):target=([^:]*)|(dir|fifo|sock))$",
);

/** Parses an (unencoded) check text; undefined when it is none. */
export function parseCheckText(text: string): CheckFields | undefined {
  const m = CHECK_TEXT_REGEXP.exec(text);
  if (m === null) return undefined;
  const mtime = m[1] === undefined ? undefined : BigInt(m[1]);
  const type = (m[5] ?? m[7] ?? m[9] ?? m[11]) as Present["kind"];
  return {
    type,
    ...(mtime !== undefined && { mtime: { value: mtime, unit: unitOf(mtime) } }),
    ...(m[2] !== undefined && { mode: Number(m[2]) }),
    ...(m[3] !== undefined && { uid: Number(m[3]) >>> 0 }),
    ...(m[4] !== undefined && { gid: Number(m[4]) >>> 0 }),
    ...(m[6] !== undefined && { size: BigInt(m[6]) }),
    ...(m[8] !== undefined && { dev: Number(BigInt.asUintN(32, BigInt(m[8]))) }),
    ...(m[10] !== undefined && { target: percentDecode(m[10]) }),
  };
}

/** All that is known of an object, in nanoseconds, as intents have it; `---`: nothing is there. */
export function wantText(entry: Entry): string {
  return entry.kind === "absent"
    ? "---"
    : checkText(entry, { time: "nanos", ignored: NOTHING_IGNORED });
}

/** Whether `wantText` says the same of both. PERF: without the texts. */
export function sameEntry(a: Present, b: Present): boolean {
  const x = a.meta, y = b.meta;
  if (a.kind !== b.kind || x.mode !== y.mode || x.uid !== y.uid || x.gid !== y.gid) return false;
  switch (a.kind) {
    case "dir":
      return true;
    case "lnk":
      return a.target === (b as typeof a).target;
    case "reg":
      return x.mtime === y.mtime && a.size === (b as typeof a).size;
    case "chr":
    case "blk":
      return x.mtime === y.mtime && a.rdev === (b as typeof a).rdev;
    default:
      return x.mtime === y.mtime;
  }
}

/**
 * Whether two texts describe the same object, field by field: a field that only one side has is not
 * compared (different `ignore` settings), an empty target is unknown, and times are compared in whole
 * seconds as soon as one side knows only those (W 18.4): a text in seconds, or one in nanoseconds
 * without a fraction. Texts of another format are equal only
 * when they are identical.
 */
export function sameCheckText(a: string, b: string): boolean {
  if (a === b) return true;
  const x = parseCheckText(a), y = parseCheckText(b);
  if (x === undefined || y === undefined || x.type !== y.type) return false;
  const same = <T>(p: T | undefined, q: T | undefined) =>
    p === undefined || q === undefined || p === q;
  return same(x.mode, y.mode) && same(x.uid, y.uid) && same(x.gid, y.gid) && x.size === y.size &&
    x.dev === y.dev && (!x.target || !y.target || x.target === y.target) && sameTime(x, y);
}

/** Whether the text is a link's that does not tell its target: a C program's, below a prefix (D 7.3.4). */
export function hidesTarget(text: string): boolean {
  return text.endsWith(":type=lnk:target=");
}

function sameTime({ mtime: a }: CheckFields, { mtime: b }: CheckFields): boolean {
  if (a === undefined || b === undefined || a.value === b.value) return true;
  // Zeros stand for a fraction that is not known as well (storedInUnit).
  if (a.unit === "seconds" && b.unit === "seconds") return false;
  if (hasFraction(a.value, a.unit) && hasFraction(b.value, b.unit)) return false;
  return toSeconds(fromEitherUnit(a.value)) === toSeconds(fromEitherUnit(b.value));
}

function hasFraction(value: bigint, unit: "seconds" | "nanos"): boolean {
  return unit === "nanos" && value % NANOS_PER_SECOND !== 0n;
}

/** The part of a time that a text in seconds loses: 0..999999999. */
export function subsecond(mtime: Nanos): number {
  const rest = Number(mtime % NANOS_PER_SECOND);
  return rest < 0 ? rest + 1e9 : rest;
}
