/** Numeric addresses: told from names, normalised, compared (pure). */

const IPV4_REGEXP =
  /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
const WORD_REGEXP = /^[0-9a-fA-F]{1,4}$/;
const MAPPED_REGEXP = /^0:0:0:0:0:ffff:([0-9a-f]+):([0-9a-f]+)$/;
const WORDS = 8;

/** 4 or 6 for a numeric address, else undefined. A zone (`fe80::1%eth0`) is allowed. */
export function familyOf(text: string): 4 | 6 | undefined {
  if (IPV4_REGEXP.test(text)) return 4;
  return words(withoutZone(text)) === undefined ? undefined : 6;
}

/**
 * The one spelling of a numeric address: IPv4 as it is, IPv4-mapped IPv6 as IPv4, other IPv6 as
 * eight lower-case words without leading zeros and without zone. Any other text is returned as it is.
 */
export function normalAddress(text: string): string {
  const six = IPV4_REGEXP.test(text) ? undefined : words(withoutZone(text));
  if (six === undefined) return text;
  const all = six.map((word) => word.toString(16)).join(":");
  const mapped = MAPPED_REGEXP.exec(all);
  return mapped === null ? all : dotted(parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16));
}

/** Whether two numeric addresses are the same host's, an IPv4-mapped one included (W 4.3). */
export function sameAddress(a: string, b: string): boolean {
  return familyOf(a) !== undefined && normalAddress(a) === normalAddress(b);
}

/** Whether a numeric address leads to this machine whatever its interfaces. */
export function isLoopback(address: string): boolean {
  const normal = normalAddress(address);
  return normal === "0:0:0:0:0:0:0:1" || IPV4_REGEXP.test(normal) && normal.startsWith("127.");
}

/** Whether an address stands for no machine in particular: `0.0.0.0`, `::`. */
export function isUnspecified(address: string): boolean {
  return ["0.0.0.0", "0:0:0:0:0:0:0:0"].includes(normalAddress(address));
}

/** An IPv4-mapped address as IPv4, every other one unchanged: for people, logs and PeerAddress. */
export function unmapped(address: string): string {
  const normal = normalAddress(address);
  return IPV4_REGEXP.test(normal) ? normal : address;
}

function withoutZone(text: string): string {
  const percent = text.indexOf("%");
  return percent < 0 ? text : text.slice(0, percent);
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The eight words of an IPv6 address, or undefined. */
function words(text: string): number[] | undefined {
  const halves = text.split("::");
  if (!text.includes(":") || halves.length > 2) return undefined;
  const head = wordsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : wordsOf(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = WORDS - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array<number>(missing).fill(0), ...tail];
}

/** Words between colons; the last may be a dotted IPv4 address when `mayEndDotted`. */
function wordsOf(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const result: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (WORD_REGEXP.test(part)) result.push(parseInt(part, 16));
    else if (mayEndDotted && at === parts.length - 1 && IPV4_REGEXP.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      result.push(a << 8 | b, c << 8 | d);
    } else return undefined;
  }
  return result;
}
