/** How the C library deals with memory that is not needed for a moment. */
import { rare } from "./libc.ts";

const M_TRIM_THRESHOLD = -1, M_TOP_PAD = -2, M_MMAP_THRESHOLD = -3;
/** LIMIT: free memory that is kept at the end of the heap. */
const KEPT_BYTES = 16 << 20;
const STEP_BYTES = 1 << 20;
/** From here on memory comes from the system and goes back to it at once. */
const OWN_BYTES = 4 << 20;

let isKept: boolean | undefined;

/**
 * Memory that is freed is kept for what is asked for next, in the whole process.
 *
 * PERF: else the pieces of a connection are given back to the system and asked for again by the hundred
 * thousand: it zeroes each page, which costs more than to decrypt what they are for.
 *
 * @returns whether the library does it
 */
export function keepFreedMemory(): boolean {
  return isKept ??= keep();
}

function keep(): boolean {
  const { mallopt } = rare();
  return mallopt(M_MMAP_THRESHOLD, OWN_BYTES) === 1 &&
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) === 1 && mallopt(M_TOP_PAD, STEP_BYTES) === 1;
}
