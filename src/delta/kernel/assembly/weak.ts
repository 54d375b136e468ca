// Rolling sums (W 10.2): fresh over a block with SIMD, and moved by a byte.

/** Values of `kind` everywhere. */
export const ROLLSUM: u32 = 0;
export const RABIN_KARP: u32 = 1;

const CHAR_OFFSET: u32 = 31;
const MULTIPLIER: u32 = 0x08104225;
const MULTIPLIER_INVERSE: u32 = 0x98f009ad;
const ADJUSTMENT: u32 = 0x08104224;

/** Fresh sum of `length` bytes. */
export function weakSum(kind: u32, at: usize, length: u32): u32 {
  return kind === ROLLSUM ? rollsum(at, length) : rabinKarp(at, length);
}

/** Sum of the window moved by one byte: `out` leaves at the front, `inn` enters at the end. */
export function rolled(kind: u32, sum: u32, length: u32, out: u32, inn: u32): u32 {
  if (kind === RABIN_KARP) {
    return sum * MULTIPLIER + inn - power(length) * (out + ADJUSTMENT);
  }
  const a = (sum & 0xffff) + inn - out;
  const b = (sum >>> 16) + a - length * (out + CHAR_OFFSET);
  return (b << 16) | (a & 0xffff);
}

/** Sum of the window without its first byte, `out`; the window had `length` bytes. */
export function rolledOut(kind: u32, sum: u32, length: u32, out: u32): u32 {
  if (kind === RABIN_KARP) return sum - power(length - 1) * (out + ADJUSTMENT);
  const a = (sum & 0xffff) - (out + CHAR_OFFSET);
  const b = (sum >>> 16) - length * (out + CHAR_OFFSET);
  return (b << 16) | (a & 0xffff);
}

/** MULTIPLIER to the power of `n`. */
export function power(n: u32): u32 {
  let result: u32 = 1, square = MULTIPLIER;
  for (; n !== 0; n >>>= 1, square *= square) {
    if (n & 1) result *= square;
  }
  return result;
}

/** What `power(length)` is for a window that is one byte shorter. */
export function powerBefore(power: u32): u32 {
  return power * MULTIPLIER_INVERSE;
}

/** As rolledOut for RabinKarp, with `power(length - 1)` given. */
@inline
export function rabinKarpOut(sum: u32, power: u32, out: u32): u32 {
  return sum - power * (out + ADJUSTMENT);
}

/** As rolled for RabinKarp, with `power(length)` given. */
@inline
export function rabinKarpNext(sum: u32, power: u32, out: u32, inn: u32): u32 {
  return sum * MULTIPLIER + inn - power * (out + ADJUSTMENT);
}

/** The low 16 bits of the dot product of eight 16-bit lanes. */
@inline
function dot(a: v128, b: v128): u32 {
  const four = i32x4.dot_i16x8_s(a, b);
  return i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) +
    i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3);
}

// Everything is modulo 2^16, so 16-bit lanes may overflow. With x(j,k) the byte in lane j of chunk k
// of K, one[j] = sum of x(j,k) and two[j] = sum of (K - k) x(j,k), and
// b = 16 * sum of two[j] - sum of j * one[j], plus the part of the offset 31.
function rollsum(at: usize, length: u32): u32 {
  const whole = length & ~15;
  let one = i16x8.splat(0), oneHigh = one, two = one, twoHigh = one;
  for (let p = at; p < at + whole; p += 16) {
    const bytes = v128.load(p);
    one = i16x8.add(one, i16x8.extend_low_i8x16_u(bytes));
    oneHigh = i16x8.add(oneHigh, i16x8.extend_high_i8x16_u(bytes));
    two = i16x8.add(two, one);
    twoHigh = i16x8.add(twoHigh, oneHigh);
  }
  const ones = i16x8.splat(1);
  let a = dot(one, ones) + dot(oneHigh, ones) + CHAR_OFFSET * whole;
  let b = 16 * (dot(two, ones) + dot(twoHigh, ones)) -
    dot(one, i16x8(0, 1, 2, 3, 4, 5, 6, 7)) - dot(oneHigh, i16x8(8, 9, 10, 11, 12, 13, 14, 15)) +
    CHAR_OFFSET * <u32> ((<u64> whole * (whole + 1)) >>> 1);
  for (let p = at + whole; p < at + length; p++) {
    a += <u32> load<u8>(p) + CHAR_OFFSET;
    b += a;
  }
  return (b << 16) | (a & 0xffff);
}

@inline
function weigh(lanes: v128, first: u32): u32 {
  const weights = i32x4(power(first), power(first - 1), power(first - 2), power(first - 3));
  const four = i32x4.mul(lanes, weights);
  return i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) +
    i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3);
}

// Sixteen polynomials in M^16, one per lane, put together at the end.
function rabinKarp(at: usize, length: u32): u32 {
  const whole = length & ~15;
  const step = i32x4.splat(power(16));
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (let p = at; p < at + whole; p += 16) {
    const bytes = v128.load(p);
    const low = i16x8.extend_low_i8x16_u(bytes), high = i16x8.extend_high_i8x16_u(bytes);
    a = i32x4.add(i32x4.mul(a, step), i32x4.extend_low_i16x8_u(low));
    b = i32x4.add(i32x4.mul(b, step), i32x4.extend_high_i16x8_u(low));
    c = i32x4.add(i32x4.mul(c, step), i32x4.extend_low_i16x8_u(high));
    d = i32x4.add(i32x4.mul(d, step), i32x4.extend_high_i16x8_u(high));
  }
  let h = power(whole) + weigh(a, 15) + weigh(b, 11) + weigh(c, 7) + weigh(d, 3);
  for (let p = at + whole; p < at + length; p++) h = h * MULTIPLIER + <u32> load<u8>(p);
  return h;
}
