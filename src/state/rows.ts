/** Rows of the tables <-> values of the model: encoding of texts, and what a valid row is. Pure. */
import {
  byteOrder,
  type DbName,
  type DirectoryPlace,
  type DirtyMark,
  type DirtyRow,
  type DiskPath,
  endOfSeconds,
  type FileRecord,
  type Hint,
  type HostName,
  type Intent,
  isDbName,
  type Name,
  percentDecode,
  percentEncode,
  type Pin,
  type RootRecord,
  type ScheduledAction,
  storedInUnit,
  type ToldRow,
} from "../model/mod.ts";
import type { SqlValue } from "./sql_connection.ts";

/**
 * Separates the check text from our addition `ns=123456789` in the column `checktxt`.
 *
 * COMPAT: C programs read columns as C strings and see only what is before the NUL; a row that they
 * write has no addition, so a stale one cannot survive.
 */
const ADDITION = "\0ns=";
const SLASH = 0x2f, PERCENT = 0x25;
const RELAYS_REGEXP = /^\d{1,9}$/;
const SUBSECOND_REGEXP = /^\d{1,9}$/;

/** What a text may not contain besides the NUL of the addition. */
const CONTROL_REGEXP = /[\x01-\x20\x7f]/;
const FRACTION_DIGITS = 9;
const ZEROS: readonly string[] = Array.from({ length: 10 }, (_, n) => "0".repeat(n));
const ZERO = 0x30, NINE = 0x39;

type Columns = readonly string[];

/** Column `checktxt` of a record. */
function recordText({ stored, subsecond }: FileRecord): string {
  return subsecond === undefined ? stored : `${stored}${ADDITION}${subsecond}`;
}

export function recordValues(record: FileRecord): SqlValue[] {
  return [percentEncode(record.name), recordText(record)];
}

/** A record from its encoded name and its column `checktxt`; undefined when the name is none. */
export function recordOf(key: string, text: string): FileRecord | undefined {
  const name = nameOf(key);
  return name === undefined ? undefined : recordNamed(name, text);
}

function recordNamed(name: DbName, text: string): FileRecord {
  const end = text.indexOf("\0");
  if (end < 0) return { name, stored: text };
  const stored = text.slice(0, end);
  const addition = text.startsWith(ADDITION, end) ? text.slice(end + ADDITION.length) : "";
  return SUBSECOND_REGEXP.test(addition)
    ? { name, stored, subsecond: Number(addition) }
    : { name, stored };
}

/**
 * The text of a row of LIST from a column `checktxt`: what storedInUnit says of its record.
 *
 * PERF: half of the time, for nearly all rows.
 */
export function listedText(name: DbName, text: string, unit: "seconds" | "nanos"): string {
  if (CONTROL_REGEXP.test(text)) return storedInUnit(recordNamed(name, text), unit);
  const end = text.indexOf("\0"), from = end + ADDITION.length;
  const digits = text.length - from;
  const time = end < 0 ? undefined : endOfSeconds(text);
  const isUsual = time !== undefined && digits > 0 && digits <= FRACTION_DIGITS &&
    text.startsWith(ADDITION, end) && areDigits(text, from);
  if (!isUsual) return storedInUnit(recordNamed(name, text), unit);
  if (unit === "seconds") return text.slice(0, end);
  return text.slice(0, time) + ZEROS[FRACTION_DIGITS - digits] + text.slice(from) +
    text.slice(time, end);
}

/** A tuple for each name, for a query that asks for names. */
export function keysOf(names: readonly DbName[]): readonly (readonly string[])[] {
  return names.map((name) => [percentEncode(name)]);
}

/** What `Statements.record` has found for each name. */
export function recordsIn(
  names: readonly DbName[],
  found: readonly (readonly Columns[])[],
): ReadonlyMap<DbName, FileRecord> {
  const records = new Map<DbName, FileRecord>();
  for (let n = 0; n < names.length; n++) {
    const name = names[n] as DbName, text = found[n]?.[0]?.[0];
    if (text !== undefined) records.set(name, recordNamed(name, text));
  }
  return records;
}

/** What `Statements.peersOf` has found for each name. */
export function dirtyIn(
  names: readonly DbName[],
  found: readonly (readonly Columns[])[],
): ReadonlyMap<DbName, readonly HostName[]> {
  const dirty = new Map<DbName, readonly HostName[]>();
  for (let n = 0; n < names.length; n++) {
    const rows = found[n];
    if (rows === undefined || rows.length === 0) continue;
    const keys = rows.map(([peer = ""]) => peer).filter((peer) => peer !== "");
    if (keys.length > 1) keys.sort(byteOrder);
    const peers = keys.map((peer) => percentDecode(peer) as HostName);
    dirty.set(names[n] as DbName, peers);
  }
  return dirty;
}

/**
 * The name that a stored text stands for. Undefined when it is no proper name: csync2 stores what a
 * peer sends, and nothing behind this function has to fear `/a/../b`.
 */
export function nameOf(key: string): DbName | undefined {
  const name = percentDecode(key);
  // PERF: 20 ns for nearly all names instead of 300 ns for the general test.
  const isPlain = beginsPlainly(name) && !name.includes("//") && !name.includes("/.") &&
    !name.endsWith("/") && !name.includes("\0");
  return isPlain || isDbName(name) ? name as DbName : undefined;
}

/** `/...` or `%p%/...`. */
function beginsPlainly(name: string): boolean {
  if (name.charCodeAt(0) === SLASH) return true;
  if (name.charCodeAt(0) !== PERCENT) return false;
  const end = name.indexOf("%", 1);
  return end > 1 && name.indexOf("/") === end + 1;
}

/** Columns as `Statements.dirtyRows` has them. */
export function dirtyRowOf(columns: Columns): DirtyRow | undefined {
  const peer = columns[3]!, name = nameOf(columns[4]!);
  if (name === undefined || peer === "") return undefined;
  return {
    name,
    forced: isSet(columns[1]!),
    myName: decodedHost(columns[2]!),
    peer: decodedHost(peer),
    generation: Number(columns[0]),
  };
}

/** PERF: one text for all rows with the same host; a few hosts take turns. */
function decodedHost(key: string): HostName {
  const known = hosts.get(key);
  if (known !== undefined) return known;
  if (hosts.size >= HOSTS_MAX) hosts.clear();
  const host = percentDecode(key) as HostName;
  hosts.set(key, host);
  return host;
}

const hosts = new Map<string, HostName>();
/** LIMIT: of hosts that are remembered. */
const HOSTS_MAX = 64;

export function markValues({ name, forced, myName, peer }: DirtyMark): SqlValue[] {
  return [percentEncode(name), forced ? 1 : 0, percentEncode(myName), percentEncode(peer)];
}

export function hintOf([recursive = "", path = ""]: Columns): Hint {
  return { path: percentDecode(path) as DiskPath, recursive: isSet(recursive) };
}

export function hintValues({ path, recursive }: Hint): SqlValue[] {
  return [percentEncode(path), recursive ? 1 : 0];
}

export function actionOf([key = "", command = "", logfile = ""]: Columns):
  | ScheduledAction
  | undefined {
  const name = nameOf(key);
  return name && { name, command: percentDecode(command), logfile: percentDecode(logfile) };
}

export function actionValues({ name, command, logfile }: ScheduledAction): SqlValue[] {
  return [percentEncode(name), percentEncode(command), percentEncode(logfile)];
}

export function pinOf([peer = "", certificate = ""]: Columns): Pin {
  return {
    peer: percentDecode(peer) as HostName,
    certificate: percentDecode(certificate),
  };
}

export function pinValues({ peer, certificate }: Pin): SqlValue[] {
  return [percentEncode(peer), percentEncode(certificate)];
}

export function intentOf([key = "", peer = "", temp = "", want = ""]: Columns):
  | Intent
  | undefined {
  const name = nameOf(key);
  return name && {
    name,
    peer: percentDecode(peer) as HostName,
    temp: percentDecode(temp) as Name | "",
    want: percentDecode(want),
  };
}

export function intentValues({ name, peer, temp, want }: Intent): SqlValue[] {
  return [percentEncode(name), percentEncode(peer), percentEncode(temp), percentEncode(want)];
}

/** Columns as `Statements.toldOf` has them; what is no such row is nothing. */
export function toldOf(
  [key = "", peer = "", version = "", relays = "", outdated = ""]: Columns,
): ToldRow | undefined {
  const name = nameOf(key);
  if (name === undefined || peer === "" || version === "" || !RELAYS_REGEXP.test(relays)) return;
  return {
    name,
    peer: percentDecode(peer) as HostName,
    version: percentDecode(version),
    relays: Number(relays),
    isOutdated: isSet(outdated),
  };
}

export function toldValues({ name, peer, version, relays, isOutdated }: ToldRow): SqlValue[] {
  const texts = [percentEncode(name), percentEncode(peer), percentEncode(version)];
  return [...texts, relays, isOutdated ? 1 : 0];
}

const PLACE_FIELDS = ["mountPoint", "source", "uuid", "fsid", "type", "device", "inode"] as const;

export function rootOf([key = "", of = "", text = ""]: Columns): RootRecord | undefined {
  const name = nameOf(key);
  if (name === undefined) return undefined;
  if (of === "nothing") return { name, of };
  const place = of === "itself" || of === "holder" ? placeIn(text) : undefined;
  return place && { name, of: of as "itself" | "holder", place };
}

function placeIn(text: string): DirectoryPlace | undefined {
  const read = new Map<string, string>();
  for (const field of text.split(" ")) {
    const end = field.indexOf("=");
    if (end > 0) read.set(field.slice(0, end), percentDecode(field.slice(end + 1)));
  }
  const known = PLACE_FIELDS.filter((field) => read.has(field));
  const fields = Object.fromEntries(known.map((field) => [field, read.get(field)!]));
  const { type, device, inode } = fields;
  if (type === undefined || device === undefined || inode === undefined) return undefined;
  return { ...fields, type, device, inode };
}

/** `mountPoint=/data type=ef53 ..`: what is not known is not there. */
export function rootValues(root: RootRecord): SqlValue[] {
  const { name, of } = root;
  if (of === "nothing") return [percentEncode(name), of, ""];
  const { place } = root;
  const fields = PLACE_FIELDS.filter((field) => place[field] !== undefined)
    .map((field) => `${field}=${percentEncode(place[field]!)}`);
  return [percentEncode(name), of, fields.join(" ")];
}

function areDigits(text: string, from: number): boolean {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

function isSet(flag: string): boolean {
  return flag !== "0" && flag !== "";
}
