// BLAKE2b (RFC 7693), unkeyed, 32-byte digest, of one block and of two blocks of equal length side by
// side in the lanes of v128. `compress` exists once: T is u64 for one block and v128 for two.

import { message, padded } from "./scratch";

const MESSAGE_BYTES: u32 = 128;
/** Eight state words of one (8 bytes each) or two blocks (16 bytes each). */
const state = memory.data(128, 16);
const iv = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
]);
/** Digest length 32, no key, fan-out 1, depth 1. */
const PARAMETERS: u64 = 0x01010020;
/** Message schedule of the twelve rounds (the last two repeat the first two). */
const sigma = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
]);

@inline
function add<T>(a: T, b: T): T {
  if (isVector<T>()) return i64x2.add(a, b);
  else return a + b;
}

@inline
function xor<T>(a: T, b: T): T {
  if (isVector<T>()) return v128.xor(a, b);
  else return a ^ b;
}

@inline
function constant<T>(k: u64): T {
  if (isVector<T>()) return i64x2.splat(k);
  else return k;
}

@inline
function rotate32<T>(a: T): T {
  if (isVector<T>()) return v128.shuffle<u32>(a, a, 1, 0, 3, 2);
  else return rotr<u64>(a, 32);
}

@inline
function rotate24<T>(a: T): T {
  if (isVector<T>()) {
    return v128.shuffle<u8>(a, a, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
  } else return rotr<u64>(a, 24);
}

@inline
function rotate16<T>(a: T): T {
  if (isVector<T>()) {
    return v128.shuffle<u8>(a, a, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
  } else return rotr<u64>(a, 16);
}

@inline
function rotate63<T>(a: T): T {
  if (isVector<T>()) return v128.or(i64x2.add(a, a), i64x2.shr_u(a, 63));
  else return rotr<u64>(a, 63);
}

/** Message word that the schedule at `s` names. */
@inline
function word<T>(m: usize, s: usize): T {
  const size: usize = isVector<T>() ? 16 : 8;
  return load<T>(m + <usize> load<u8>(s) * size);
}

/** Mixes one 128-byte message (per lane) into the state. */
function compress<T>(m: usize, bytesSoFar: u64, isLast: bool): void {
  const size: usize = isVector<T>() ? 16 : 8;
  let a0 = load<T>(state), a1 = load<T>(state + size);
  let a2 = load<T>(state + 2 * size), a3 = load<T>(state + 3 * size);
  let b0 = load<T>(state + 4 * size), b1 = load<T>(state + 5 * size);
  let b2 = load<T>(state + 6 * size), b3 = load<T>(state + 7 * size);
  let c0 = constant<T>(load<u64>(iv)), c1 = constant<T>(load<u64>(iv, 8));
  let c2 = constant<T>(load<u64>(iv, 16)), c3 = constant<T>(load<u64>(iv, 24));
  let d0 = constant<T>(load<u64>(iv, 32) ^ bytesSoFar), d1 = constant<T>(load<u64>(iv, 40));
  let d2 = constant<T>(isLast ? ~load<u64>(iv, 48) : load<u64>(iv, 48));
  let d3 = constant<T>(load<u64>(iv, 56));
  for (let s = sigma; s < sigma + 192; s += 16) {
    // Columns; four independent quarters side by side keep the processor busy.
    a0 = add<T>(add<T>(a0, b0), word<T>(m, s));
    a1 = add<T>(add<T>(a1, b1), word<T>(m, s + 2));
    a2 = add<T>(add<T>(a2, b2), word<T>(m, s + 4));
    a3 = add<T>(add<T>(a3, b3), word<T>(m, s + 6));
    d0 = rotate32<T>(xor<T>(d0, a0));
    d1 = rotate32<T>(xor<T>(d1, a1));
    d2 = rotate32<T>(xor<T>(d2, a2));
    d3 = rotate32<T>(xor<T>(d3, a3));
    c0 = add<T>(c0, d0);
    c1 = add<T>(c1, d1);
    c2 = add<T>(c2, d2);
    c3 = add<T>(c3, d3);
    b0 = rotate24<T>(xor<T>(b0, c0));
    b1 = rotate24<T>(xor<T>(b1, c1));
    b2 = rotate24<T>(xor<T>(b2, c2));
    b3 = rotate24<T>(xor<T>(b3, c3));
    a0 = add<T>(add<T>(a0, b0), word<T>(m, s + 1));
    a1 = add<T>(add<T>(a1, b1), word<T>(m, s + 3));
    a2 = add<T>(add<T>(a2, b2), word<T>(m, s + 5));
    a3 = add<T>(add<T>(a3, b3), word<T>(m, s + 7));
    d0 = rotate16<T>(xor<T>(d0, a0));
    d1 = rotate16<T>(xor<T>(d1, a1));
    d2 = rotate16<T>(xor<T>(d2, a2));
    d3 = rotate16<T>(xor<T>(d3, a3));
    c0 = add<T>(c0, d0);
    c1 = add<T>(c1, d1);
    c2 = add<T>(c2, d2);
    c3 = add<T>(c3, d3);
    b0 = rotate63<T>(xor<T>(b0, c0));
    b1 = rotate63<T>(xor<T>(b1, c1));
    b2 = rotate63<T>(xor<T>(b2, c2));
    b3 = rotate63<T>(xor<T>(b3, c3));
    // Diagonals.
    a0 = add<T>(add<T>(a0, b1), word<T>(m, s + 8));
    a1 = add<T>(add<T>(a1, b2), word<T>(m, s + 10));
    a2 = add<T>(add<T>(a2, b3), word<T>(m, s + 12));
    a3 = add<T>(add<T>(a3, b0), word<T>(m, s + 14));
    d3 = rotate32<T>(xor<T>(d3, a0));
    d0 = rotate32<T>(xor<T>(d0, a1));
    d1 = rotate32<T>(xor<T>(d1, a2));
    d2 = rotate32<T>(xor<T>(d2, a3));
    c2 = add<T>(c2, d3);
    c3 = add<T>(c3, d0);
    c0 = add<T>(c0, d1);
    c1 = add<T>(c1, d2);
    b1 = rotate24<T>(xor<T>(b1, c2));
    b2 = rotate24<T>(xor<T>(b2, c3));
    b3 = rotate24<T>(xor<T>(b3, c0));
    b0 = rotate24<T>(xor<T>(b0, c1));
    a0 = add<T>(add<T>(a0, b1), word<T>(m, s + 9));
    a1 = add<T>(add<T>(a1, b2), word<T>(m, s + 11));
    a2 = add<T>(add<T>(a2, b3), word<T>(m, s + 13));
    a3 = add<T>(add<T>(a3, b0), word<T>(m, s + 15));
    d3 = rotate16<T>(xor<T>(d3, a0));
    d0 = rotate16<T>(xor<T>(d0, a1));
    d1 = rotate16<T>(xor<T>(d1, a2));
    d2 = rotate16<T>(xor<T>(d2, a3));
    c2 = add<T>(c2, d3);
    c3 = add<T>(c3, d0);
    c0 = add<T>(c0, d1);
    c1 = add<T>(c1, d2);
    b1 = rotate63<T>(xor<T>(b1, c2));
    b2 = rotate63<T>(xor<T>(b2, c3));
    b3 = rotate63<T>(xor<T>(b3, c0));
    b0 = rotate63<T>(xor<T>(b0, c1));
  }
  store<T>(state, xor<T>(load<T>(state), xor<T>(a0, c0)));
  store<T>(state + size, xor<T>(load<T>(state + size), xor<T>(a1, c1)));
  store<T>(state + 2 * size, xor<T>(load<T>(state + 2 * size), xor<T>(a2, c2)));
  store<T>(state + 3 * size, xor<T>(load<T>(state + 3 * size), xor<T>(a3, c3)));
  store<T>(state + 4 * size, xor<T>(load<T>(state + 4 * size), xor<T>(b0, d0)));
  store<T>(state + 5 * size, xor<T>(load<T>(state + 5 * size), xor<T>(b1, d1)));
  store<T>(state + 6 * size, xor<T>(load<T>(state + 6 * size), xor<T>(b2, d2)));
  store<T>(state + 7 * size, xor<T>(load<T>(state + 7 * size), xor<T>(b3, d3)));
}

@inline
function start<T>(): void {
  const size: usize = isVector<T>() ? 16 : 8;
  for (let i: usize = 0; i < 8; i++) {
    const word = load<u64>(iv + i * 8) ^ (i === 0 ? PARAMETERS : 0);
    store<T>(state + i * size, constant<T>(word));
  }
}

/** Bytes before the last message: the last message is never empty, unless the block is. */
@inline
function before(length: u32): u32 {
  return length === 0 ? 0 : (length - 1) & ~(MESSAGE_BYTES - 1);
}

function pad(at: usize, rest: u32, to: usize): void {
  memory.copy(to, at, rest);
  memory.fill(to + rest, 0, MESSAGE_BYTES - rest);
}

/** BLAKE2b-256 of the `length` bytes at `at`: 32 bytes to `out`. */
export function blake2b(at: usize, length: u32, out: usize): void {
  start<u64>();
  const whole = before(length);
  for (let i: u32 = 0; i < whole; i += MESSAGE_BYTES) {
    compress<u64>(at + i, <u64> i + MESSAGE_BYTES, false);
  }
  pad(at + whole, length - whole, padded);
  compress<u64>(padded, length, true);
  memory.copy(out, state, 32);
}

/** Turns one message of each of two blocks, `apart` bytes apart, into 16 vectors of words. */
@inline
function gather(at: usize, apart: usize): void {
  for (let i: usize = 0; i < MESSAGE_BYTES; i += 16) {
    const a = v128.load(at + i), b = v128.load(at + i + apart);
    v128.store(message + i * 2, v128.shuffle<u64>(a, b, 0, 2));
    v128.store(message + i * 2 + 16, v128.shuffle<u64>(a, b, 1, 3));
  }
}

/** BLAKE2b-256 of two blocks of `length` bytes that follow one another: twice 32 bytes to `out`. */
export function blake2bx2(at: usize, length: u32, out: usize): void {
  start<v128>();
  const whole = before(length);
  for (let i: u32 = 0; i < whole; i += MESSAGE_BYTES) {
    gather(at + i, length);
    compress<v128>(message, <u64> i + MESSAGE_BYTES, false);
  }
  pad(at + whole, length - whole, padded);
  pad(at + length + whole, length - whole, padded + MESSAGE_BYTES);
  gather(padded, MESSAGE_BYTES);
  compress<v128>(message, length, true);
  for (let i: usize = 0; i < 4; i++) {
    store<u64>(out + i * 8, load<u64>(state + i * 16));
    store<u64>(out + 32 + i * 8, load<u64>(state + i * 16 + 8));
  }
}
