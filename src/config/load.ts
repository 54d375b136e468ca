/** Reads configuration and key files. The only file of this folder that knows a disk. */
import { fromBytes, type Key, show, utf8Bytes } from "../model/mod.ts";
import type { OnNote } from "./build.ts";
import type { Config } from "./config.ts";
import { ConfigError, place, type Position } from "./config_error.ts";
import type { Include, SourceText } from "./lexer.ts";
import { parseConfig, readStatements } from "./parse_config.ts";
import { compileShell } from "./shell_match.ts";
import { findSuspicions, type Passage, type Suspicion } from "./suspicions.ts";

export interface LoadOptions {
  /** `CSYNC2_SYSTEM_DIR`; a relative one is relative to the current directory. */
  readonly systemDir: string;
  /** `-C`, or empty. */
  readonly configName: string;
  /** `-N`, or the system's host name. */
  readonly hostName: string;
  /** `-G`, or the peer's GROUP: other groups are inactive. */
  readonly groupFilter?: readonly string[];
  readonly onNote?: OnNote;
}

/** Bytes of one configuration file. LIMIT: ours; the longest seen in use has some thousand lines. */
const FILE_MAX_BYTES = 64 * 2 ** 20;
/** Included files of one configuration. LIMIT: ours; stops files that include each other many times over. */
const FILES_MAX = 10_000;
/** Shortest and longest key (D 1.8). */
export const KEY_MIN_BYTES = 32;
export const KEY_MAX_BYTES = 1_023;
/** What a key may consist of (D 1.8). */
export const KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/** C-locale texts of what opening and reading a file can answer. */
const ERRNO_TEXTS: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  EIO: "Input/output error",
  EMFILE: "Too many open files",
  ENFILE: "Too many open files in system",
};

/** The file that `-C NAME` selects (D 1.1). @throws ConfigError `config/name` */
export function configFile(systemDir: string, configName: string): string {
  if (!/^[a-z0-9]*$/.test(configName)) {
    throw new ConfigError("config/name", {
      message: "Config names are limited to [a-z0-9]+.",
      advice: `got "${show(configName)}"`,
    });
  }
  return `${systemDir}/csync2${configName === "" ? "" : `_${configName}`}.cfg`;
}

/**
 * The configuration of this host.
 *
 * @throws ConfigError `config/name`, `config/unreadable`, `config/syntax`, `config/value`,
 * `config/include`, `config/key`, `config/not-a-member`
 */
export function loadConfig(options: LoadOptions): Config {
  const { systemDir, onNote = () => {} } = options;
  return parseConfig(readMain(options), {
    ...options,
    onNote,
    include: includer(systemDir),
    readKey: (name, at) => readKey(name, at, { systemDir, onNote }),
  });
}

/**
 * What in the configuration is allowed, but hardly meant, whoever this host is. Values are not judged.
 *
 * @throws ConfigError `config/name`, `config/unreadable`, `config/syntax`, `config/include`
 */
export function loadSuspicions(
  options: Pick<LoadOptions, "systemDir" | "configName">,
): (Suspicion | Passage)[] {
  const include = includer(options.systemDir);
  return readStatements(readMain(options), include, (all) => findSuspicions([...all]));
}

function readMain(
  { systemDir, configName, onNote }: Pick<LoadOptions, "systemDir" | "configName" | "onNote">,
): SourceText {
  const file = configFile(systemDir, configName);
  onNote?.(2, `Config-File:   ${file}`);
  try {
    return { file, text: readText(file) };
  } catch (error) {
    throw new ConfigError("config/unreadable", {
      message: `Can not open config file \`${show(file)}': ${reason(error)}`,
      cause: error,
    });
  }
}

/** Finds included files: as the process sees the name, else in the system directory (D 7.1.6). */
function includer(systemDir: string): Include {
  let files = 0;
  const identities = new Map<string, string>();
  const identity = (path: string) => {
    const known = identities.get(path) ?? identityOf(path);
    identities.set(path, known);
    return known;
  };
  return ({ name, at, within }) => {
    const cannot = (why: string, cause?: unknown) =>
      new ConfigError("config/include", {
        message: `Can't open included config file '${show(name)}'.`,
        advice: `${place(at)}: ${why}`,
        cause,
      });
    const places = name.startsWith("/") ? [name] : [name, `${systemDir}/${name}`];
    const found = places.map(expand).find((paths) => paths.length > 0);
    if (found === undefined) {
      throw cannot(`not found as ${places.map(show).join(" or ")}; is a ";" missing before it?`);
    }
    return found.map((path) => {
      if (++files > FILES_MAX) throw cannot(`more than ${FILES_MAX} included files`);
      try {
        const isCycle = within.some((outer) => identity(outer) === identity(path));
        if (!isCycle) return { file: path, text: readText(path) };
      } catch (error) {
        throw cannot(reason(error), error);
      }
      throw new ConfigError("config/include", {
        message: "Config includes nested too deeply.",
        advice: `${place(at)}: ${show(path)} includes itself`,
      });
    });
  };
}

/** The files a name stands for: itself if it exists, else what it matches as a pattern, sorted. */
function expand(name: string): string[] {
  if (exists(name)) return [name];
  if (!/[*?[]/.test(name)) return [];
  let found = [name.startsWith("/") ? "/" : ""];
  for (const part of name.split("/").filter((part) => part !== "")) {
    found = found.flatMap((dir) => matchingEntries(dir, part)).map((path) => `${path}/`);
  }
  return found.map((path) => path.slice(0, -1)).filter(exists);
}

function matchingEntries(dir: string, part: string): string[] {
  if (!/[*?[\\]/.test(part)) return [dir + part];
  const matches = compileShell(part);
  try {
    return [...Deno.readDirSync(show(dir === "" ? "." : dir))]
      .map((entry) => utf8Bytes(entry.name))
      .filter((leaf) => (!leaf.startsWith(".") || part.startsWith(".")) && matches(leaf))
      .sort()
      .map((leaf) => dir + leaf);
  } catch {
    return []; // not a directory, or not ours to read: nothing there matches
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(show(path));
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

/** Device and inode: the same for all ways to one file. */
function identityOf(path: string): string {
  const { dev, ino } = Deno.statSync(show(path));
  return `${dev}:${ino}`;
}

/** @throws the system's error, or RangeError when the file is longer than anything sensible */
function readText(path: string): string {
  return fromBytes(readAtMost(path, FILE_MAX_BYTES));
}

function readAtMost(path: string, maxBytes: number): Uint8Array {
  // Opening a pipe would wait for somebody who writes.
  if (Deno.statSync(show(path)).isFifo) throw new Error("a pipe, not a file");
  using file = Deno.openSync(show(path));
  const parts: Uint8Array[] = [];
  let size = 0;
  while (true) {
    const part = new Uint8Array(65_536);
    const length = file.readSync(part);
    if (length === null) break;
    parts.push(part.subarray(0, length));
    size += length;
    if (size > maxBytes) throw new RangeError(`longer than ${maxBytes} bytes`);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function firstBytes(path: string, count: number): string {
  using file = Deno.openSync(show(path));
  const bytes = new Uint8Array(count);
  let size = 0;
  while (size < count) {
    const length = file.readSync(bytes.subarray(size));
    if (length === null) break;
    size += length;
  }
  return fromBytes(bytes.subarray(0, size));
}

/** What the system says, in the words of the C locale. */
function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (error instanceof Deno.errors.NotCapable) return "nothing in /dev, /proc and /sys is read";
  return ERRNO_TEXTS[code ?? ""] ?? message;
}

function readKey(
  name: string,
  at: Position,
  { systemDir, onNote }: { readonly systemDir: string; readonly onNote: OnNote },
): Key {
  const file = name.startsWith("/") ? name : `${systemDir}/${name}`;
  try {
    return readKeyFile(file, { onNote });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { message, advice, cause } = error;
    throw new ConfigError("config/key", {
      message,
      advice: advice === undefined ? place(at) : `${place(at)}: ${advice}`,
      cause,
    });
  }
}

/**
 * The key in a file: its first line (D 1.8), one CR at its end not counted (D 7.1.10). Tells at level 1
 * when others than the owner can read it.
 *
 * @throws ConfigError `config/key`
 */
export function readKeyFile(file: string, { onNote }: { readonly onNote?: OnNote } = {}): Key {
  const shownFile = show(file);
  const fail = (message: string, advice?: string, cause?: unknown) =>
    new ConfigError("config/key", { message, ...(advice !== undefined && { advice }), cause });
  let text: string;
  try {
    const { isFile, mode } = Deno.statSync(shownFile);
    if (!isFile) throw new Error("not a regular file");
    text = firstBytes(file, KEY_MAX_BYTES + 3); // CR, LF, and one byte more to see that it is too long
    if (text === "") throw new Error("the file is empty");
    if (((mode ?? 0) & 0o044) !== 0) {
      onNote?.(1, `Key file ${file} can be read by others than its owner: chmod 600 is advised`);
    }
  } catch (error) {
    throw fail(`Config error: Can't read keyfile ${shownFile}.`, reason(error), error);
  }
  const key = text.split(/[\n\0]/, 1)[0]!.replace(/\r$/, "");
  if (key.length > KEY_MAX_BYTES) {
    throw fail(
      `Config error: Key in file ${shownFile} is too long.`,
      `csync2 2.0 would use its first ${KEY_MAX_BYTES} characters only`,
    );
  }
  const bad = /[^A-Za-z0-9._]/.exec(key)?.[0];
  if (bad !== undefined) {
    throw fail(`Unallowed character '${printable(bad)}' in key file ${shownFile}.`);
  }
  if (key.length < KEY_MIN_BYTES) {
    throw fail(
      `Config error: Key in file ${shownFile} is too short.`,
      `${key.length} characters, at least ${KEY_MIN_BYTES} are needed`,
    );
  }
  return key as Key;
}

function printable(byte: string): string {
  return /[ -~]/.test(byte) ? byte : `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
