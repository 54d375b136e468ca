// The blocks of a signature, to be found by their weak sum: entries as they stand in the signature
// file, an open-addressing table of entry numbers, and a bit filter in front of it that stays in the
// processor's cache.

import { entryBytes, sameStrong } from "./format";

/**
 * LIMIT: entries looked at for one weak sum. A signature with many entries of one weak sum (a peer
 * can send that) stays linear; what finds no place is not found later, which only costs literals.
 */
const PROBES_MAX: u32 = 128;

let entries: usize = 0;
let count: u32 = 0;
let table: usize = 0;
let tableShift: u32 = 0;
let tableMask: u32 = 0;
let filter: usize = 0;
let filterShift: u32 = 0;
let probes: u32 = 0;

/**
 * Uses the `blocks` entries at `entriesAt`, a zeroed table of 2^bits numbers (4 bytes) at `tableAt`,
 * and a zeroed filter of 2^bits bytes at `filterAt`. 4 <= bits <= 28, blocks <= 2^(bits - 1).
 */
export function setIndex(entriesAt: usize, blocks: u32, tableAt: usize, filterAt: usize, bits: u32): void {
  entries = entriesAt;
  count = blocks;
  table = tableAt;
  tableShift = 32 - bits;
  tableMask = (1 << bits) - 1;
  filter = filterAt;
  filterShift = 32 - bits - 3;
}

/** As many entries are there by now. They still have to be indexed. */
export function setBlockCount(blocks: u32): void {
  count = blocks;
}

@inline
export function blockCount(): u32 {
  return count;
}

@inline
export function entryAt(block: u32): usize {
  return entries + block * entryBytes();
}

@inline
export function weakAt(block: u32): u32 {
  return bswap<u32>(load<u32>(entryAt(block)));
}

@inline
export function strongAt(block: u32): usize {
  return entryAt(block) + 4;
}

/** The upper bits depend on all bits of the sum. */
@inline
function mix(weak: u32): u32 {
  return (weak ^ (weak >>> 15)) * 0x9e3779b1;
}

/** Base and shift of the filter, for the scan to keep in locals. */
@inline
export function filterAt(): usize {
  return filter;
}

@inline
export function filterShiftNow(): u32 {
  return filterShift;
}

/** Whether a block may have this weak sum. */
@inline
export function mayHave(weak: u32, filter: usize, shift: u32): bool {
  const bit = mix(weak) >>> shift;
  return ((load<u8>(filter + (bit >>> 3)) >>> (bit & 7)) & 1) !== 0;
}

/** Puts the entries `from` to `to` (not included) into table and filter. Equal entries count once. */
export function indexBlocks(from: u32, to: u32): void {
  for (let block = from; block < to; block++) {
    const weak = weakAt(block), mixed = mix(weak);
    let slot = mixed >>> tableShift;
    for (let probe: u32 = 0; probe < PROBES_MAX; probe++, slot = (slot + 1) & tableMask) {
      const there = load<u32>(table + slot * 4);
      if (there === 0) {
        store<u32>(table + slot * 4, block + 1);
        const bit = mixed >>> filterShift, at = filter + (bit >>> 3);
        store<u8>(at, load<u8>(at) | <u8> (<u32> 1 << (bit & 7)));
        break;
      }
      if (weakAt(there - 1) === weak && sameStrong(strongAt(there - 1), strongAt(block))) break;
    }
  }
}

/** The first slot whose block has this weak sum, looking at `slot` and behind it, or -1. */
function slotFrom(first: u32, weak: u32): i32 {
  let slot = first;
  for (; probes < PROBES_MAX; probes++, slot = (slot + 1) & tableMask) {
    const there = load<u32>(table + slot * 4);
    if (there === 0) return -1;
    if (weakAt(there - 1) === weak) return slot;
  }
  return -1;
}

/** Begins a look-up. @returns a slot for `next` and `isBlock`, or -1: no block has this weak sum */
export function findWeak(weak: u32): i32 {
  probes = 0;
  return slotFrom(mix(weak) >>> tableShift, weak);
}

/** The block with this weak and strong sum, from `slot` on, or -1. */
export function findStrong(slot: i32, weak: u32, strong: usize): i32 {
  while (slot >= 0) {
    const block = load<u32>(table + slot * 4) - 1;
    if (sameStrong(strongAt(block), strong)) return block;
    probes++;
    slot = slotFrom((slot + 1) & tableMask, weak);
  }
  return -1;
}

/** Slots looked at by the look-up that was last begun. */
@inline
export function probesDone(): u32 {
  return probes;
}
