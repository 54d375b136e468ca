/** Typed face of kernel.wasm: sums, hashes and the block search. */
import { DeltaError } from "./delta_error.ts";
import { KERNEL_WASM_BASE64 } from "./kernel/kernel_wasm.ts";

/** Kinds of weak sum (W 10.2), in the kernel's numbering. */
export const WEAK_KINDS = { rollsum: 0, rabinkarp: 1 } as const;
/** Kinds of strong sum (W 10.3), in the kernel's numbering. */
export const STRONG_KINDS = { md4: 0, blake2b: 1 } as const;
export type WeakKind = keyof typeof WEAK_KINDS;
export type StrongKind = keyof typeof STRONG_KINDS;

/** What a signature is made of. */
export interface SignatureParams {
  readonly weak: WeakKind;
  readonly strong: StrongKind;
  /** Bytes, >= 1. */
  readonly blockLength: number;
  /** Bytes kept of each strong sum, 1 to 16 (MD4) or 32 (BLAKE2b). */
  readonly strongLength: number;
  /**
   * 16 random bytes in place of MD4's constants, in signatures of our own format: nobody who does not
   * know them can make two blocks with equal sums, and each signature has others.
   */
  readonly key?: Uint8Array;
}

/** How `search` ended. */
export const SEARCH = { needsContent: 0, copiesFull: 1, pause: 2, done: 3 } as const;
/** Numbers per copy that `copiesAt` points to: source offset, basis offset, length. */
export const NUMBERS_PER_COPY = 3;

/** See kernel/assembly: all pointers are offsets in `memory`, free from `heapBase()` on. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  weakSum(kind: number, at: number, length: number): number;
  rolled(kind: number, sum: number, length: number, out: number, inn: number): number;
  rolledOut(kind: number, sum: number, length: number, out: number): number;
  digest(kind: number, at: number, length: number, out: number): void;
  md4x4(at: number, length: number, out: number): void;
  blake2bx2(at: number, length: number, out: number): void;
  setFormat(weak: number, strong: number, blockLength: number, strongLength: number): void;
  setKey(a: number, b: number, c: number, d: number): void;
  signBlocks(at: number, length: number, out: number): number;
  setIndex(entries: number, blocks: number, table: number, filter: number, bits: number): void;
  setBlockCount(blocks: number): void;
  indexBlocks(from: number, to: number): void;
  startSearch(windowAt: number): void;
  makeRoom(): number;
  addContent(bytes: number): void;
  search(isLast: boolean, workUntilPause: number): number;
  copiesAt(): number;
  takeCopies(): number;
  flushCopy(): void;
  workDone(): number;
}

const PAGE_BYTES = 65_536;
/** Memory cannot shrink: a kernel with more than this is left to the garbage collector. */
const KEPT_MAX_BYTES = 2 * 1_048_576;
const KEPT_MAX_KERNELS = 8;

let compiled: WebAssembly.Module | undefined;
const idle: Kernel[] = [];

/**
 * One instance of the kernel with its own memory. A job borrows one for as long as it lasts, so jobs
 * may take turns at every await; dispose gives it back.
 */
export class Kernel implements Disposable {
  readonly calls: KernelExports;
  readonly heapBase: number;

  private constructor() {
    // PERF: compiled once per process and only when first needed, about 1 ms.
    compiled ??= new WebAssembly.Module(decodeBase64(KERNEL_WASM_BASE64));
    const instance = new WebAssembly.Instance(compiled, { env: { abort: aborted } });
    this.calls = instance.exports as unknown as KernelExports;
    this.heapBase = this.calls.heapBase();
  }

  static borrow(): Kernel {
    return idle.pop() ?? new Kernel();
  }

  /** Bytes at `at`, valid until the memory grows. */
  view(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.calls.memory.buffer as ArrayBuffer, at, length);
  }

  /** Makes all memory below `end` usable. @throws DeltaError `delta/no-memory` */
  reserve(end: number): void {
    const missing = end - this.calls.memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.calls.memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch (cause) {
      throw new DeltaError("delta/no-memory", {
        message: `Cannot get memory for the delta: ${end} bytes are too much`,
        cause,
      });
    }
  }

  useFormat({ weak, strong, blockLength, strongLength, key }: SignatureParams): void {
    this.calls.setFormat(WEAK_KINDS[weak], STRONG_KINDS[strong], blockLength, strongLength);
    if (key === undefined) return;
    const { buffer, byteOffset, byteLength } = key,
      view = new DataView(buffer, byteOffset, byteLength);
    const word = (i: number) => view.getUint32(4 * i, true);
    this.calls.setKey(word(0), word(1), word(2), word(3));
  }

  [Symbol.dispose](): void {
    if (this.calls.memory.buffer.byteLength > KEPT_MAX_BYTES) return;
    // Two jobs must never share one, even if somebody disposes twice.
    if (idle.length < KEPT_MAX_KERNELS && !idle.includes(this)) idle.push(this);
  }
}

function aborted(): never {
  throw new Error("Cannot happen: the kernel aborted");
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
