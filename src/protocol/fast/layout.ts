/** Numbers of the fast dialect: frame types, flags, limits (docs/fast-protocol.md, 2). */

/** What a frame is. Requests go to the server, answers to the client, contents both ways. */
export const FRAME = {
  hello: 1,
  offer: 2,
  look: 3,
  digest: 4,
  put: 5,
  make: 6,
  remove: 7,
  touch: 8,
  flush: 9,
  measure: 10,
  list: 11,
  content: 12,
  ranges: 13,
  rows: 14,
  copy: 15,
  bye: 16,
  puts: 17,
  data: 32,
  end: 33,
  credit: 34,
  ok: 64,
  go: 65,
  refused: 66,
} as const;

const NAMES = new Map<number, string>(
  Object.entries(FRAME).map(([name, type]) => [type, name.toUpperCase()]),
);

/** For a trace, and for people. */
export function frameName(type: number): string {
  return NAMES.get(type) ?? `frame ${type}`;
}

/** What PUT brings along. */
export const CONTENT = { delta: 0, whole: 1, inside: 2 } as const;
/** How a content ends. */
export const ENDING = { complete: 0, takenBack: 1 } as const;
/** How the bytes of one DATA are packed. */
export const PACKING = { none: 0, zstd: 1 } as const;
/** What both sides say that they can take, in HELLO and its answer. */
export const CAPABILITY = { zstd: 1 } as const;

/** SHA-256. */
export const DIGEST_BYTES = 32;

export const LENGTH_BYTES = 4;
/** Length, type and id. */
export const HEADER_BYTES = 9;
/** What the length counts besides the payload: type and id. */
export const COUNTED_BYTES = 5;
/** LIMIT: of what a length may say. */
export const FRAME_MAX_BYTES = 1_048_576 + 64;
/** LIMIT: the same before anybody is identified: a name and 250 proofs. */
export const FIRST_FRAME_MAX_BYTES = 8_448;
/** LIMIT: bytes of contents in one DATA, also after unpacking. */
export const DATA_MAX_BYTES = 262_144;
/** LIMIT: longest content inside its request. */
export const INSIDE_MAX_BYTES = 262_144;
/** LIMIT: as in the classic dialect; a name below the anchor of a prefix may exceed PATH_MAX. */
export const NAME_MAX_BYTES = 16_384;
/** LIMIT: PATH_MAX. */
export const TARGET_MAX_BYTES = 4_096;
export const HOST_NAME_MAX_BYTES = 255;
/** LIMIT: a check text with a target that is encoded. */
export const TEXT_MAX_BYTES = 16_384;
export const REPLY_MAX_BYTES = 4_096;
/** LIMIT: bytes of contents on their way or waiting, of one connection and direction. */
export const CREDIT_BYTES = 4_194_304;
/** LIMIT: requests without an answer, and their bytes. */
export const REQUESTS_MAX = 1_024;
export const REQUEST_BYTES_MAX = 8_388_608;
/** LIMIT: rows of an offer. */
export const OFFERS_MAX = 512;
/** LIMIT: rows of a PUTS, and bytes of their contents. */
export const PUTS_MAX = 128;
export const PUTS_BYTES_MAX = 262_144;
/** Both sides say so often that they are alive, whatever they are busy with. */
export const ALIVE_MS = 60_000;
