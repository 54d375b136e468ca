// What the signature at hand is made of, and the sums of blocks in that format.

import { blake2b, blake2bx2 } from "./blake2b";
import { md4, md4x4, setInitial } from "./md4";
import { weakSum } from "./weak";

/** Values of `strongKind`. */
const MD4: u32 = 0;

let weakKind: u32 = 0;
let strongKind: u32 = 0;
let block: u32 = 0;
let strongLength: u32 = 0;
/** Complete digests, before they are cut to `strongLength`. */
const digests = memory.data(128, 16);

export function setFormat(weak: u32, strong: u32, blockLength: u32, strongBytes: u32): void {
  weakKind = weak;
  strongKind = strong;
  block = blockLength;
  strongLength = strongBytes;
  setInitial(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
}

/** Behind setFormat: MD4 starts with a key in place of its constants. */
export function setKey(a: u32, b: u32, c: u32, d: u32): void {
  setInitial(a, b, c, d);
}

@inline
export function weakKindNow(): u32 {
  return weakKind;
}

@inline
export function blockLength(): u32 {
  return block;
}

@inline
export function strongBytes(): u32 {
  return strongLength;
}

/** Bytes of one signature entry. */
@inline
export function entryBytes(): u32 {
  return 4 + strongLength;
}

export function weakOf(at: usize, length: u32): u32 {
  return weakSum(weakKind, at, length);
}

/** Complete digest of `length` bytes: 16 or 32 bytes to `out`. */
export function digest(kind: u32, at: usize, length: u32, out: usize): void {
  if (kind === MD4) md4(at, length, out);
  else blake2b(at, length, out);
}

/** @returns where the strong sum of the `length` bytes at `at` is, until the next call */
export function strongOf(at: usize, length: u32): usize {
  digest(strongKind, at, length, digests);
  return digests;
}

/** @returns where the strong sums of four whole blocks at `at` are, `strongStep()` bytes apart */
export function strongOfFour(at: usize): usize {
  if (strongKind === MD4) {
    md4x4(at, block, digests);
  } else {
    blake2bx2(at, block, digests);
    blake2bx2(at + 2 * block, block, digests + 64);
  }
  return digests;
}

@inline
export function strongStep(): usize {
  return strongKind === MD4 ? 16 : 32;
}

/** Whether two strong sums of the format's length are equal. */
export function sameStrong(a: usize, b: usize): bool {
  const length = strongLength;
  if (length === 16) return !v128.any_true(v128.xor(v128.load(a), v128.load(b)));
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(a + i) !== load<u8>(b + i)) return false;
  }
  return true;
}

@inline
function writeEntry(at: usize, length: u32, strong: usize, out: usize): void {
  store<u32>(out, bswap<u32>(weakOf(at, length)));
  memory.copy(out + 4, strong, strongLength);
}

/**
 * Writes the signature entries of the `length` bytes at `at` to `out`; only the last block may be
 * shorter than the others.
 * @returns the number of entries
 */
export function signBlocks(at: usize, length: u32, out: usize): u32 {
  const end = at + length, step = strongStep(), entry = entryBytes();
  let p = at, o = out;
  for (; <u64> p + 4 * <u64> block <= <u64> end; p += 4 * block) {
    const strong = strongOfFour(p);
    for (let i: usize = 0; i < 4; i++, o += entry) {
      writeEntry(p + i * block, block, strong + i * step, o);
    }
  }
  for (; p < end; p += block, o += entry) {
    const size = min<u32>(block, <u32> (end - p));
    writeEntry(p, size, strongOf(p, size), o);
  }
  return <u32> (o - out) / entry;
}
