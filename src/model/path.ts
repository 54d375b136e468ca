/** Paths and names: what they are made of, and how they are joined, split and ordered. */
import type { Brand } from "./brand.ts";
import { byteOrder } from "./bytes.ts";
import { percentEncode } from "./percent.ts";

/** Absolute path on this host as a byte string: `/` or `/a/b`, no trailing slash. */
export type DiskPath = Brand<string, "DiskPath">;
/** Name of an object in the database and on the wire, decoded: `/a/b`, `%p%` or `%p%/b` (W 7.1). */
export type DbName = Brand<string, "DbName">;
/** One path component: not empty, not `.` or `..`, without `/` and NUL. */
export type Name = Brand<string, "Name">;
/** A host name as the configuration has it, lower case (D 1.7). */
export type HostName = Brand<string, "HostName">;
/** A group's key: a password of 32 and more characters. Never logged. */
export type Key = Brand<string, "Key">;

/**
 * Where an object is: an anchor directory, and the way below it on which no symbolic link is
 * followed. A plain name has the anchor `/`; a name with a prefix has the directory above the prefix
 * directory. `below` is components joined by `/`, or empty for the anchor itself.
 */
export interface Located {
  readonly anchor: DiskPath;
  readonly below: string;
}

/** Longest component Linux takes. LIMIT: NAME_MAX. */
export const NAME_MAX_BYTES = 255;
/** Longest path Linux takes in one call, NUL included. LIMIT: PATH_MAX. */
export const PATH_MAX_BYTES = 4_096;

/** PERF: a tenth of what splitting it takes; asked for every name of a peer. */
const DB_NAME_REGEXP = /^(?:%[^%/]+%)?(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)*$/;

/** Whether `text` can be one directory entry. Its length is not judged: the system does that. */
export function isName(text: string): text is Name {
  return text !== "" && text !== "." && text !== ".." && !text.includes("/") &&
    !text.includes("\0");
}

/** Whether `text` is `/`, `/a/b`, `%p%` or `%p%/a` with nothing but proper components (W 20.16). */
export function isDbName(text: string): text is DbName {
  return text === "/" || (text !== "" && DB_NAME_REGEXP.test(text));
}

/** `text` as a database name. @throws RangeError when it is none: check peers' names with isDbName */
export function dbName(text: string): DbName {
  if (!isDbName(text)) throw new RangeError(`Cannot use as a name: ${JSON.stringify(text)}`);
  return text;
}

/** `text` as a canonical absolute path. @throws RangeError when it is none */
export function diskPath(text: string): DiskPath {
  const parts = text.split("/");
  const isRooted = parts.shift() === "" && parts.length > 0;
  if (text !== "/" && !(isRooted && parts.every(isName))) {
    throw new RangeError(`Cannot use as a path: ${JSON.stringify(text)}`);
  }
  return text as DiskPath;
}

/** The name or path of entry `leaf` in `dir`; `/` joins without a second slash. */
export function join<T extends DbName | DiskPath>(dir: T, leaf: string): T {
  return (dir === "/" ? `/${leaf}` : `${dir}/${leaf}`) as T;
}

/** The directory that holds `name`, or undefined for `/` and for a bare `%prefix%`. */
export function parent<T extends DbName | DiskPath>(name: T): T | undefined {
  const slash = name.lastIndexOf("/");
  if (slash < 0 || name === "/") return undefined;
  return (slash === 0 ? "/" : name.slice(0, slash)) as T;
}

/** The last component, or the whole for `/` and a bare `%prefix%`. */
export function leaf(name: DbName | DiskPath): string {
  return name === "/" ? name : name.slice(name.lastIndexOf("/") + 1);
}

/** Whether `name` lies strictly below `dir`. Everything plain and absolute lies below `/`. */
export function isBelow(name: DbName | DiskPath, dir: DbName | DiskPath): boolean {
  if (dir === "/") return name !== "/" && name.startsWith("/");
  return name.length > dir.length && name.startsWith(dir) && name[dir.length] === "/";
}

/** Encoded names `from <= key < before`, in byte order. */
export interface KeyRange {
  readonly from: string;
  readonly before: string;
}

/** Every valid name begins with `/` or, encoded, with `%25`; `0` is the byte behind `/`. */
export const EVERY_KEY: KeyRange = { from: "%", before: "0" };

/** Order of names everywhere: byte order of their encoded form (W 15.1, D 4.4). */
export function nameOrder(a: DbName, b: DbName): number {
  return byteOrder(percentEncode(a), percentEncode(b));
}
