/** Lines and tokens of the classic dialect as values, with their limits (pure; W 2, W 9, W 19). */
import { type DbName, isDbName, percentEncode, strictPercentDecode } from "../../model/mod.ts";
import type { ListedRow } from "../peer.ts";

/** Longest command line that a server reads, LF included. LIMIT: W 2.1. */
export const COMMAND_LINE_MAX_BYTES = 16_383;
/** Longest status line that a client reads, LF included. LIMIT: W 2.1. */
export const STATUS_LINE_MAX_BYTES = 4_095;
/** Longest check text or number line that a client reads, LF included. LIMIT: W 2.1. */
export const TEXT_LINE_MAX_BYTES = 16_383;
/**
 * Longest row of LIST that our client reads. LIMIT: C clients stop at 2047 bytes; a link below a long
 * name has a name of three times 4 KiB and a target of five times 4 KiB when everything is encoded.
 */
export const LIST_ROW_MAX_BYTES = 65_536;
/** Longest header of a stream, LF included. LIMIT: W 2.1. */
export const STREAM_HEADER_MAX_BYTES = 99;
/** Tokens of a command line that count, the command word included. LIMIT: W 2.2. */
export const TOKENS_MAX = 31;
/** Keys in one LIST. LIMIT: W 19. */
export const LIST_KEYS_MAX = 28;
/** Longest target of a link. LIMIT: PATH_MAX without its NUL. */
export const LINK_TARGET_MAX_BYTES = 4_095;

const BLANKS_REGEXP = /[\t \r\n]+/;
const STREAM_HEADER_REGEXP = /^octet-stream (-?)(\d{1,16})\r?$/;
const WHOLE_NUMBER_REGEXP = /^-?\d{1,19}$/;
const INT64_MAX = 2n ** 63n - 1n;

/** The tokens of a line, still encoded. */
export function rawTokens(line: string): string[] {
  return line.split(BLANKS_REGEXP).filter((token) => token !== "").slice(0, TOKENS_MAX);
}

/** A command line taken apart; an argument that cannot be decoded is undefined (W 20.13). */
export interface CommandLine {
  /** Upper case; empty when it cannot be decoded. */
  readonly word: string;
  readonly args: readonly (string | undefined)[];
}

/** Undefined for a blank line. */
export function parseCommandLine(line: string): CommandLine | undefined {
  const [word, ...args] = rawTokens(line).map(strictPercentDecode);
  if (word === undefined && args.length === 0 && rawTokens(line).length === 0) return undefined;
  return { word: word?.toUpperCase() ?? "", args };
}

/** A command line without LF: every argument percent-encoded. Arguments must not be empty (W 20.14). */
export function commandLine(word: string, ...args: readonly (string | number | bigint)[]): string {
  return [word, ...args.map((arg) => percentEncode(String(arg)))].join(" ");
}

/** Whether a peer's command reader takes the line. */
export function fitsCommandLine(line: string): boolean {
  return line.length < COMMAND_LINE_MAX_BYTES;
}

/** `octet-stream N`. */
export function streamHeader(size: number): string {
  return `octet-stream ${size}`;
}

/** What stands where a stream is due: its length, `none` (a negative length or `ERROR`), or undefined. */
export function parseStreamHeader(line: string): number | "none" | undefined {
  if (line === "ERROR" || line === "ERROR\r") return "none";
  const match = STREAM_HEADER_REGEXP.exec(line);
  if (match === null) return undefined;
  const size = Number(match[2]);
  if (!Number.isSafeInteger(size)) return undefined;
  return match[1] === "-" && size > 0 ? "none" : size;
}

/** A decimal number of a peer within 64 bits, or undefined. */
export function parseWholeNumber(text: string | undefined): bigint | undefined {
  if (text === undefined || !WHOLE_NUMBER_REGEXP.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? undefined : value;
}

/** A decimal number of a peer that fits in 32 bits, signed or not; -1 stays -1, the rest is unsigned. */
export function parseNumber32(text: string | undefined): number | undefined {
  const value = parseWholeNumber(text);
  if (value === undefined || value < -(2n ** 31n) || value >= 2n ** 32n) return undefined;
  const unsigned = Number(value) >>> 0;
  return unsigned === 0xffff_ffff ? -1 : unsigned;
}

/** LIST lines that together name all keys: 28 keys and one command line at most in each (W 19). */
export function listLines(peerName: string, keys: readonly string[], only?: DbName): string[] {
  const unique = [...new Set(keys)];
  const lines: string[] = [];
  do {
    let line = commandLine("LIST", peerName, only ?? "-");
    let count = 0;
    for (; count < LIST_KEYS_MAX && unique.length > 0; count++) {
      const longer = `${line} ${percentEncode(unique[0]!)}`;
      if (!fitsCommandLine(longer)) break;
      line = longer;
      unique.shift();
    }
    if (count === 0 && unique.length > 0) {
      throw new RangeError("Cannot list: a name or key is too long");
    }
    lines.push(line);
  } while (unique.length > 0);
  return lines;
}

/** A row of LIST without LF. */
export function listRow({ key, stored }: ListedRow): string {
  return `${stored}\t${key}`;
}

/** A row of LIST; undefined when it has no tab or no proper name. */
export function parseListRow(line: string): ListedRow | undefined {
  const tab = line.indexOf("\t");
  if (tab < 0) return undefined;
  const key = usualKey(line.slice(tab + 1));
  return key === undefined ? undefined : { key, stored: line.slice(0, tab) };
}

/** `/a/b` and `%25p%25/a/b` without any escape, and without parts that begin with a dot. */
const PLAIN_KEY_REGEXP =
  /^(?:%25[^%\/\0-\x20\x7f"'$:|\\]+%25)?(?:\/[^%\/.\0-\x20\x7f"'$:|\\][^%\/\0-\x20\x7f"'$:|\\]*)+$/;

/** The key that percentEncode makes of a name which somebody may have encoded otherwise. */
function usualKey(encoded: string): string | undefined {
  // PERF: nearly all names need nothing; decoding and judging one takes ten times as long.
  if (PLAIN_KEY_REGEXP.test(encoded)) return encoded;
  const name = strictPercentDecode(encoded);
  return name !== undefined && isDbName(name) ? percentEncode(name) : undefined;
}

/** First words of lines without secrets. */
const OPEN_COMMANDS: ReadonlySet<string> = new Set([
  "SSL",
  "CONFIG",
  "GROUP",
  "HELLO",
  "BYE",
  "OCTET-STREAM",
  "CSYNC3",
]);
const MASK = "***";

/** A command line for a trace: group keys are masked. */
export function maskKeys(line: string): string {
  const tokens = rawTokens(line);
  const word = strictPercentDecode(tokens[0] ?? "")?.toUpperCase() ?? "";
  if (OPEN_COMMANDS.has(word)) return line;
  const isSecret = word === "LIST" ? (at: number) => at >= 3 : (at: number) => at === 1;
  return tokens.map((token, at) => isSecret(at) ? MASK : token).join(" ");
}
