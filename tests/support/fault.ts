/**
 * Makes system calls fail, or runs something between them. It replaces functions in the tables of
 * os/libc.ts and puts them back, so the product pays and knows nothing.
 */
import { ERRNO, type ErrnoName } from "../../src/os/mod.ts";
import { changing, errnoView, rare, reading } from "../../src/os/libc.ts";

/** The name of a call: `statx`, `renameat2`, ... */
export type CallName = string;

export interface FaultOptions {
  /** @default "EIO" */
  readonly errno?: ErrnoName;
  /** Which calls count. @default all but close */
  readonly only?: (call: CallName) => boolean;
}

/** How a run with a fault went. */
export interface FaultRun<T> {
  /** Whether the n-th call was made at all; when not, the run was an ordinary one. */
  readonly reached: boolean;
  /** The calls that counted, in order, with the one that failed. */
  readonly calls: readonly CallName[];
  readonly value?: T;
  /** What `work` threw. */
  readonly error?: unknown;
}

/** What a dead program's calls throw; no product code catches it. */
export class Died extends Error {
  override readonly name = "Died";
}

/**
 * Runs `work` while its n-th call (from 0) fails with `errno`, undone.
 *
 * @example Every single call gets its turn
 * ```ts
 * for (let n = 0, reached = true; reached; n++) ({ reached } = await failsAt(n, work));
 * ```
 */
export function failsAt<T>(
  n: number,
  work: () => T | Promise<T>,
  { errno = "EIO", only }: FaultOptions = {},
): Promise<FaultRun<T>> {
  return run(work, {
    only,
    before: (index) => {
      if (index !== n) return undefined;
      errnoView()[0] = ERRNO[errno];
      return -1;
    },
    isReached: (count) => count > n,
  });
}

/**
 * Runs `work` as if the program was killed before its n-th call: that one and every later one throw, so
 * that no clean-up touches the disk. Descriptors are closed, as the kernel would.
 */
export function diesAt<T>(
  n: number,
  work: () => T | Promise<T>,
  { only }: Omit<FaultOptions, "errno"> = {},
): Promise<FaultRun<T>> {
  return run(work, {
    only,
    before: (index) => {
      if (index >= n) throw new Died(`Killed before call ${n}`);
      return undefined;
    },
    isReached: (count) => count > n,
  });
}

/** Runs `work`, and `meddle` just before its n-th call. `meddle` itself is not counted. */
export function meddlesAt<T>(
  n: number,
  work: () => T | Promise<T>,
  { meddle, only }: { meddle: () => void; only?: FaultOptions["only"] },
): Promise<FaultRun<T>> {
  let isMeddling = false;
  return run(work, {
    only: (call) => !isMeddling && (only?.(call) ?? true),
    before: (index, args) => {
      if (index !== n) return undefined;
      isMeddling = true;
      const keep = keepBuffers(args); // meddle may use the os layer, whose buffers are arguments here
      try {
        meddle();
      } finally {
        keep();
        isMeddling = false;
      }
      return undefined;
    },
    isReached: (count) => count > n,
  });
}

/** Remembers what the buffers among `args` hold; the result puts it back. */
function keepBuffers(args: readonly unknown[]): () => void {
  const kept = args.filter((arg) => ArrayBuffer.isView(arg)).map((view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const copy = bytes.slice();
    return () => bytes.set(copy);
  });
  return () => kept.forEach((restore) => restore());
}

interface Interception {
  readonly only: FaultOptions["only"];
  /** A number is the result, and the call is not made. */
  before(index: number, args: readonly unknown[]): number | undefined;
  isReached(count: number): boolean;
}

type AnyCall = (...args: unknown[]) => unknown;
/** Never intercepted: close cannot be failed without leaking, the other is no system call. */
const UNTOUCHED: ReadonlySet<string> = new Set(["close", "__errno_location"]);

async function run<T>(
  work: () => T | Promise<T>,
  { only, before, isReached }: Interception,
): Promise<FaultRun<T>> {
  const calls: CallName[] = [];
  const intercept = (name: string, call: AnyCall): AnyCall => (...args) => {
    if (only !== undefined && !only(name)) return call(...args);
    calls.push(name);
    const result = before(calls.length - 1, args);
    if (result === undefined) return call(...args);
    return name === "getcwd" ? null : result;
  };
  errnoView();
  const restore = [reading(), changing(), rare()].map((table) => {
    const calls = table as unknown as Record<string, AnyCall>;
    const original = { ...calls };
    for (const [name, call] of Object.entries(original)) {
      if (!UNTOUCHED.has(name)) calls[name] = intercept(name, call);
    }
    return () => void Object.assign(calls, original);
  });
  try {
    const value = await work();
    return { reached: isReached(calls.length), calls, value };
  } catch (error) {
    return { reached: isReached(calls.length), calls, error };
  } finally {
    for (const put of restore) put();
  }
}
