// Finds the blocks of the index in new content. The content passes through a window; what is found is
// written as copies (source offset, basis offset, length), adjacent ones joined.

import {
  blockLength, strongOf, strongOfFour, strongStep, sameStrong, weakKindNow, weakOf,
} from "./format";
import {
  blockCount, filterAt, filterShiftNow, findStrong, findWeak, mayHave, probesDone, strongAt, weakAt,
} from "./index";
import { power, powerBefore, rabinKarpNext, rabinKarpOut, ROLLSUM, rolled, rolledOut } from "./weak";

/** What `search` returns: more content is needed, `copies` is full, work for a while done, all done. */
const NEEDS_CONTENT: i32 = 0;
const COPIES_FULL: i32 = 1;
const PAUSE: i32 = 2;
const DONE: i32 = 3;

/** Copies held until the caller fetches them; three f64 each. */
export const COPIES_MAX: u32 = 256;
const copies = memory.data(256 * 24, 16);
let copyCount: u32 = 0;
/** The copy that the next match may continue; length 0: none. */
let copySource: u64 = 0, copyBasis: u64 = 0, copyLength: u64 = 0;

/** Where `window` is in the content. */
let base: u64 = 0;
let window: usize = 0;
/** Position in memory: everything before it is decided. */
let p: usize = 0;
/** End of the content in memory. */
let end: usize = 0;
/** Weak sum at `p`, while `isFresh`. */
let weak: u32 = 0;
let isFresh = false;
/** Block that is likely to come at `p`: the one behind the last match. */
let next: u32 = u32.MAX_VALUE;
/** In the tail the window ends with the content and shrinks; RabinKarp's power for it. */
let isTail = false;
let tailPower: u32 = 0;
/** Cost of failed attempts in bytes hashed. It is the caller's to limit (W 19). */
let work: u64 = 0;
let pauseAt: u64 = 0;

/** Begins with the content's first byte, to be put at `windowAt`. */
export function startSearch(windowAt: usize): void {
  base = 0;
  window = p = end = windowAt;
  copyCount = 0;
  copyLength = 0;
  next = u32.MAX_VALUE;
  isFresh = isTail = false;
  work = 0;
}

/** Moves what is undecided to the start of the window. @returns how many bytes that are */
export function makeRoom(): u32 {
  const rest = end - p;
  memory.copy(window, p, rest);
  base += p - window;
  p = window;
  end = window + rest;
  return <u32> rest;
}

/** `bytes` more of the content were put behind what was there. */
export function addContent(bytes: u32): void {
  end += bytes;
}

export function copiesAt(): usize {
  return copies;
}

/** Number of finished copies at `copiesAt`; they count as fetched. */
export function takeCopies(): u32 {
  const count = copyCount;
  copyCount = 0;
  return count;
}

/** Finishes the last copy. There is room for it. */
export function flushCopy(): void {
  if (copyLength === 0) return;
  const at = copies + copyCount++ * 24;
  store<f64>(at, <f64> copySource);
  store<f64>(at, <f64> copyBasis, 8);
  store<f64>(at, <f64> copyLength, 16);
  copyLength = 0;
}

/** Failed work so far, in bytes hashed. */
export function workDone(): f64 {
  return <f64> work;
}

/** `bytes` at `p` are what block `block` begins with: `blocks` whole blocks, or the short last one. */
function matched(block: u32, bytes: u32): void {
  const source = base + (p - window), basis = <u64> block * blockLength();
  if (copyLength === 0 || copySource + copyLength !== source || copyBasis + copyLength !== basis) {
    flushCopy();
    copySource = source;
    copyBasis = basis;
  }
  copyLength += bytes;
  p += bytes;
  isFresh = false;
}

/** The block that the `length` bytes at `p` with sum `weak` are, or -1. */
function lookUp(length: u32): i32 {
  if (!mayHave(weak, filterAt(), filterShiftNow())) return -1;
  work += 16;
  const slot = findWeak(weak);
  if (slot < 0) {
    work += 8 * probesDone();
    return -1;
  }
  const block = findStrong(slot, weak, strongOf(p, length));
  if (block < 0) work += length + 64 + 8 * probesDone();
  return block;
}

/** How many of the next four blocks have the expected weak sum; leaves the first other sum in `weak`. */
@inline
function expectedWeak(size: u32): u32 {
  for (let i: u32 = 0; i < 4; i++) {
    weak = weakOf(p + i * size, size);
    if (weak !== weakAt(next + i)) return i;
  }
  return 4;
}

/**
 * PERF: behind a match the next blocks are expected to match as well. Four strong sums at once cost
 * as much as one, so four are tried before one is certain.
 */
function followRun(isLast: bool): void {
  const size = blockLength(), count = blockCount();
  while (next + 4 <= count && end - p >= 4 * size) {
    const likely = expectedWeak(size);
    let sure: u32 = 0;
    if (likely > 0) {
      const strong = strongOfFour(p), step = strongStep();
      while (sure < likely && sameStrong(strong + <usize> sure * step, strongAt(next + sure))) sure++;
      if (sure > 0) matched(next, sure * size);
    }
    next += sure;
    if (sure === 4) continue;
    isFresh = sure === likely;
    next = u32.MAX_VALUE;
    return;
  }
  if (!isLast && next + 4 <= count) return;
  while (next < count && end - p >= size) {
    weak = weakOf(p, size);
    isFresh = true;
    if (weak !== weakAt(next) || !sameStrong(strongOf(p, size), strongAt(next))) break;
    matched(next++, size);
  }
  // At the end of the window the next block is still the likely one.
  if (end - p >= size) next = u32.MAX_VALUE;
}

/** Moves `p` on by at least one byte, up to `limit` or to a place where a block may be. */
function scan(limit: usize): void {
  if (weakKindNow() === ROLLSUM) scanRollsum(limit);
  else scanRabinKarp(limit);
}

function scanRollsum(limit: usize): void {
  const size = blockLength(), filter = filterAt(), shift = filterShiftNow();
  let q = p, a = weak & 0xffff, b = weak >>> 16, sum: u32 = 0;
  do {
    const out: u32 = load<u8>(q);
    a += <u32> load<u8>(q + size) - out;
    b += a - size * (out + 31);
    sum = (b << 16) | (a & 0xffff);
    q++;
  } while (q < limit && !mayHave(sum, filter, shift));
  p = q;
  weak = sum;
}

function scanRabinKarp(limit: usize): void {
  const size = blockLength(), filter = filterAt(), shift = filterShiftNow(), top = power(size);
  let q = p, sum = weak;
  do {
    sum = rabinKarpNext(sum, top, load<u8>(q), load<u8>(q + size));
    q++;
  } while (q < limit && !mayHave(sum, filter, shift));
  p = q;
  weak = sum;
}

/** Only the basis' last block may be short, and only the content's end can match it (W 10.4). */
function searchTail(): i32 {
  if (!isTail) startTail();
  while (p < end) {
    if (work > pauseAt) return PAUSE;
    const length = <u32> (end - p);
    const block = lookUp(length);
    if (block >= 0) {
      matched(block, length);
      break;
    }
    dropFirst(length);
  }
  flushCopy();
  return DONE;
}

function startTail(): void {
  isTail = true;
  const length = <u32> (end - p), size = blockLength();
  if (length === 0) return;
  if (length < size || !isFresh) weak = weakOf(p, length);
  tailPower = power(length - 1);
  if (length >= size) dropFirst(length);
}

@inline
function dropFirst(length: u32): void {
  const out: u32 = load<u8>(p++);
  if (weakKindNow() === ROLLSUM) {
    weak = rolledOut(ROLLSUM, weak, length, out);
  } else {
    weak = rabinKarpOut(weak, tailPower, out);
    tailPower = powerBefore(tailPower);
  }
}

/**
 * Goes on until more content, room for copies or a pause is needed. With `isLast` there is no
 * content behind what is in the window; then it ends with DONE.
 */
export function search(isLast: bool, workUntilPause: u32): i32 {
  const size = blockLength();
  pauseAt = work + workUntilPause;
  const ahead = isLast ? size : 4 * size;
  while (!isTail && end - p >= ahead) {
    if (copyCount + 4 > COPIES_MAX) return COPIES_FULL;
    if (work > pauseAt) return PAUSE;
    if (next < blockCount()) {
      followRun(isLast);
      continue;
    }
    if (!isFresh) weak = weakOf(p, size);
    isFresh = true;
    const block = lookUp(size);
    if (block >= 0) {
      matched(block, size);
      next = block + 1;
      continue;
    }
    const limit = end - ahead;
    if (p >= limit) break;
    scan(limit);
  }
  if (!isLast) return NEEDS_CONTENT;
  if (copyCount + 4 > COPIES_MAX) return COPIES_FULL;
  return searchTail();
}
