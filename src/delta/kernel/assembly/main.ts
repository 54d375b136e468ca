// The kernel's exports. All pointers are the caller's: memory from `__heap_base` on is free for it.

export { blake2b, blake2bx2 } from "./blake2b";
export { digest, setFormat, setKey, signBlocks } from "./format";
export { indexBlocks, setBlockCount, setIndex } from "./index";
export { md4, md4x4 } from "./md4";
export {
  addContent, copiesAt, flushCopy, makeRoom, search, startSearch, takeCopies, workDone,
} from "./search";
export { rolled, rolledOut, weakSum } from "./weak";

/** First free byte, a multiple of 16. */
export function heapBase(): usize {
  return (__heap_base + 15) & ~15;
}
