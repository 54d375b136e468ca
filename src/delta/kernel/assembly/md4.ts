// MD4 (RFC 1320) of one block, and of four blocks of equal length side by side in the lanes of v128.
// `rounds` exists once: T is u32 for one block and v128 for four.

import { padded, message } from "./scratch";

const K2: u32 = 0x5a827999;
const K3: u32 = 0x6ed9eba1;
/** What the state is at first: RFC 1320's words, or a key. */
const initial = memory.data<u32>([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476], 16);
/** Four state words of one (4 bytes each) or four blocks (16 bytes each). */
const state = memory.data(64, 16);

@inline
function add<T>(a: T, b: T): T {
  if (isVector<T>()) return i32x4.add(a, b);
  else return a + b;
}

@inline
function rotate<T>(a: T, bits: i32): T {
  if (isVector<T>()) return v128.or(i32x4.shl(a, bits), i32x4.shr_u(a, 32 - bits));
  else return rotl<u32>(a, bits);
}

@inline
function constant<T>(k: u32): T {
  if (isVector<T>()) return i32x4.splat(k);
  else return k;
}

/** Word `t` of the message: four bytes of the block itself, or one lane of each of the four blocks. */
@inline
function word<T>(m: usize, t: usize): T {
  if (isVector<T>()) return v128.load(m + t * 16);
  else return load<u32>(m + t * 4);
}

// The order of operations keeps the newest value, b, on the shortest path.

@inline
function f<T>(a: T, b: T, c: T, d: T, x: T, s: i32): T {
  if (isVector<T>()) {
    return rotate<T>(i32x4.add(i32x4.add(a, x), v128.xor(d, v128.and(b, v128.xor(c, d)))), s);
  } else return rotl<u32>(a + x + (d ^ (b & (c ^ d))), s);
}

@inline
function g<T>(a: T, b: T, c: T, d: T, x: T, s: i32): T {
  const ax = add<T>(add<T>(a, x), constant<T>(K2));
  if (isVector<T>()) {
    return rotate<T>(i32x4.add(ax, v128.or(v128.and(c, d), v128.and(b, v128.or(c, d)))), s);
  } else return rotl<u32>(ax + ((c & d) | (b & (c | d))), s);
}

@inline
function h<T>(a: T, b: T, c: T, d: T, x: T, s: i32): T {
  const ax = add<T>(add<T>(a, x), constant<T>(K3));
  if (isVector<T>()) return rotate<T>(i32x4.add(ax, v128.xor(b, v128.xor(c, d))), s);
  else return rotl<u32>(ax + (b ^ c ^ d), s);
}

/** Mixes one 64-byte message (per lane) into the state. */
@inline
function rounds<T>(m: usize): void {
  const size: usize = isVector<T>() ? 16 : 4;
  const a0 = load<T>(state), b0 = load<T>(state + size);
  const c0 = load<T>(state + 2 * size), d0 = load<T>(state + 3 * size);
  let a = a0, b = b0, c = c0, d = d0;
  a = f<T>(a, b, c, d, word<T>(m, 0), 3);
  d = f<T>(d, a, b, c, word<T>(m, 1), 7);
  c = f<T>(c, d, a, b, word<T>(m, 2), 11);
  b = f<T>(b, c, d, a, word<T>(m, 3), 19);
  a = f<T>(a, b, c, d, word<T>(m, 4), 3);
  d = f<T>(d, a, b, c, word<T>(m, 5), 7);
  c = f<T>(c, d, a, b, word<T>(m, 6), 11);
  b = f<T>(b, c, d, a, word<T>(m, 7), 19);
  a = f<T>(a, b, c, d, word<T>(m, 8), 3);
  d = f<T>(d, a, b, c, word<T>(m, 9), 7);
  c = f<T>(c, d, a, b, word<T>(m, 10), 11);
  b = f<T>(b, c, d, a, word<T>(m, 11), 19);
  a = f<T>(a, b, c, d, word<T>(m, 12), 3);
  d = f<T>(d, a, b, c, word<T>(m, 13), 7);
  c = f<T>(c, d, a, b, word<T>(m, 14), 11);
  b = f<T>(b, c, d, a, word<T>(m, 15), 19);

  a = g<T>(a, b, c, d, word<T>(m, 0), 3);
  d = g<T>(d, a, b, c, word<T>(m, 4), 5);
  c = g<T>(c, d, a, b, word<T>(m, 8), 9);
  b = g<T>(b, c, d, a, word<T>(m, 12), 13);
  a = g<T>(a, b, c, d, word<T>(m, 1), 3);
  d = g<T>(d, a, b, c, word<T>(m, 5), 5);
  c = g<T>(c, d, a, b, word<T>(m, 9), 9);
  b = g<T>(b, c, d, a, word<T>(m, 13), 13);
  a = g<T>(a, b, c, d, word<T>(m, 2), 3);
  d = g<T>(d, a, b, c, word<T>(m, 6), 5);
  c = g<T>(c, d, a, b, word<T>(m, 10), 9);
  b = g<T>(b, c, d, a, word<T>(m, 14), 13);
  a = g<T>(a, b, c, d, word<T>(m, 3), 3);
  d = g<T>(d, a, b, c, word<T>(m, 7), 5);
  c = g<T>(c, d, a, b, word<T>(m, 11), 9);
  b = g<T>(b, c, d, a, word<T>(m, 15), 13);

  a = h<T>(a, b, c, d, word<T>(m, 0), 3);
  d = h<T>(d, a, b, c, word<T>(m, 8), 9);
  c = h<T>(c, d, a, b, word<T>(m, 4), 11);
  b = h<T>(b, c, d, a, word<T>(m, 12), 15);
  a = h<T>(a, b, c, d, word<T>(m, 2), 3);
  d = h<T>(d, a, b, c, word<T>(m, 10), 9);
  c = h<T>(c, d, a, b, word<T>(m, 6), 11);
  b = h<T>(b, c, d, a, word<T>(m, 14), 15);
  a = h<T>(a, b, c, d, word<T>(m, 1), 3);
  d = h<T>(d, a, b, c, word<T>(m, 9), 9);
  c = h<T>(c, d, a, b, word<T>(m, 5), 11);
  b = h<T>(b, c, d, a, word<T>(m, 13), 15);
  a = h<T>(a, b, c, d, word<T>(m, 3), 3);
  d = h<T>(d, a, b, c, word<T>(m, 11), 9);
  c = h<T>(c, d, a, b, word<T>(m, 7), 11);
  b = h<T>(b, c, d, a, word<T>(m, 15), 15);

  store<T>(state, add<T>(a, a0));
  store<T>(state + size, add<T>(b, b0));
  store<T>(state + 2 * size, add<T>(c, c0));
  store<T>(state + 3 * size, add<T>(d, d0));
}

@inline
function start<T>(): void {
  const size: usize = isVector<T>() ? 16 : 4;
  for (let i: usize = 0; i < 4; i++) {
    store<T>(state + i * size, constant<T>(load<u32>(initial + i * 4)));
  }
}

/** From now on hashes begin with these words. */
export function setInitial(a: u32, b: u32, c: u32, d: u32): void {
  store<u32>(initial, a);
  store<u32>(initial, b, 4);
  store<u32>(initial, c, 8);
  store<u32>(initial, d, 12);
}

/**
 * Writes the last, incomplete part of a block with its padding to `to`.
 * @returns the number of 64-byte messages there: 1 or 2
 */
function pad(at: usize, rest: u32, length: u32, to: usize): u32 {
  const messages: u32 = rest < 56 ? 1 : 2;
  const size = messages * 64;
  memory.copy(to, at, rest);
  store<u8>(to + rest, 0x80);
  memory.fill(to + rest + 1, 0, size - rest - 1);
  store<u64>(to + size - 8, (<u64> length) << 3);
  return messages;
}

/** MD4 of the `length` bytes at `at`: 16 bytes to `out`. */
export function md4(at: usize, length: u32, out: usize): void {
  start<u32>();
  const whole = at + (length & ~63);
  for (let m = at; m < whole; m += 64) rounds<u32>(m);
  const messages = pad(whole, length & 63, length, padded);
  for (let i: u32 = 0; i < messages; i++) rounds<u32>(padded + i * 64);
  v128.store(out, v128.load(state));
}

/** Turns 64 bytes of each of four blocks, `apart` bytes apart, into 16 vectors of words. */
@inline
function gather(at: usize, apart: usize): void {
  for (let i: usize = 0; i < 64; i += 16) {
    const a = v128.load(at + i), b = v128.load(at + i + apart);
    const c = v128.load(at + i + 2 * apart), d = v128.load(at + i + 3 * apart);
    const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
    const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
    const to = message + i * 4;
    v128.store(to, v128.shuffle<u64>(ab, cd, 0, 2));
    v128.store(to + 16, v128.shuffle<u64>(ab, cd, 1, 3));
    v128.store(to + 32, v128.shuffle<u64>(ef, gh, 0, 2));
    v128.store(to + 48, v128.shuffle<u64>(ef, gh, 1, 3));
  }
}

/** MD4 of four blocks of `length` bytes that follow one another at `at`: four times 16 bytes to `out`. */
export function md4x4(at: usize, length: u32, out: usize): void {
  start<v128>();
  const whole: usize = length & ~63;
  for (let i: usize = 0; i < whole; i += 64) {
    gather(at + i, length);
    rounds<v128>(message);
  }
  let messages: u32 = 0;
  for (let lane: usize = 0; lane < 4; lane++) {
    messages = pad(at + lane * length + whole, length & 63, length, padded + lane * 128);
  }
  for (let i: u32 = 0; i < messages; i++) {
    gather(padded + i * 64, 128);
    rounds<v128>(message);
  }
  for (let lane: usize = 0; lane < 4; lane++) {
    for (let i: usize = 0; i < 4; i++) {
      store<u32>(out + lane * 16 + i * 4, load<u32>(state + i * 16 + lane * 4));
    }
  }
}
