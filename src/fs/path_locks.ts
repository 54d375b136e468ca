/** One lock per path, or for a path and everything below it (N 7.8). */
import { type DiskPath, isBelow } from "../model/mod.ts";

export interface LockOptions {
  /** Lock everything below the path too. @default {false} */
  readonly below?: boolean;
  /** Ends the wait: take() then rejects with the signal's reason, and nothing is locked. */
  readonly signal?: AbortSignal;
}

/** Locks of those among many paths that nobody else had. */
export interface TakenLocks extends Disposable {
  /** Whether the lock of the path at this place was taken. */
  isTaken(place: number): boolean;
}

/** A lock that was asked for: held once nothing before it is in its way. */
interface Claim {
  readonly path: DiskPath;
  readonly below: boolean;
  /** Claims made earlier that exclude this one and are not released yet. */
  blockers: number;
  /** Claims made later that wait for this one. PERF: nearly never is there one. */
  waiting: Set<Claim> | undefined;
  grant(): void;
}

/**
 * Locks shared by everything in this process that checks, changes or sends files.
 *
 * First come, first served: a claim waits for every earlier claim that excludes it, whether that one
 * is held or waiting itself, so nobody starves. Not reentrant: who holds a path and takes it again
 * waits for ever.
 *
 * @example
 * ```ts
 * using _lock = await locks.take(path, { signal });
 * ```
 */
export class PathLocks {
  /** Claims by path, and those that cover more than their path once more. */
  readonly #byPath = new Map<DiskPath, Claim[]>();
  readonly #subtrees = new Set<Claim>();

  /** Waits for the lock; dispose the result to release it. */
  async take(path: DiskPath, { below = false, signal }: LockOptions = {}): Promise<Disposable> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const claim: Claim = { path, below, blockers: 0, waiting: undefined, grant: resolve };
    for (const earlier of this.#inTheWay(path, below)) {
      (earlier.waiting ??= new Set()).add(claim);
      claim.blockers++;
    }
    this.#add(claim);
    if (claim.blockers > 0) {
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        await promise;
      } catch (reason) {
        this.#release(claim);
        throw reason;
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    }
    return { [Symbol.dispose]: () => this.#release(claim) };
  }

  /** The lock when nothing is in its way, at once; undefined otherwise, and then nothing is waited for. */
  tryTake(path: DiskPath): Disposable | undefined {
    const claim = this.#tryClaim(path);
    return claim && { [Symbol.dispose]: () => this.#release(claim) };
  }

  /** As `tryTake`, for each of many; dispose the result to release all that are taken. */
  tryTakeEach(paths: readonly DiskPath[]): TakenLocks {
    const claims = paths.map((path) => this.#tryClaim(path));
    return {
      isTaken: (n) => claims[n] !== undefined,
      [Symbol.dispose]: () => {
        for (const claim of claims) if (claim !== undefined) this.#release(claim);
      },
    };
  }

  #tryClaim(path: DiskPath): Claim | undefined {
    // PERF: without a set of what is in the way, where nothing is.
    if (this.#byPath.has(path)) return undefined;
    if (this.#subtrees.size > 0 && this.#inTheWay(path, false).size > 0) return undefined;
    const claim: Claim = { path, below: false, blockers: 0, waiting: undefined, grant: nothing };
    this.#add(claim);
    return claim;
  }

  /**
   * Whether nothing locks the path, or waits to, for whoever is done with it before anything else happens.
   * PERF: a lock costs ten times as much.
   */
  isFree(path: DiskPath): boolean {
    if (this.#byPath.size === 0) return true;
    if (this.#byPath.has(path)) return false;
    for (const claim of this.#subtrees) if (isBelow(path, claim.path)) return false;
    return true;
  }

  /** Whether nothing at all is locked or waited for. */
  get isIdle(): boolean {
    return this.#byPath.size === 0;
  }

  /** Number of locks held or waited for. */
  get size(): number {
    let size = 0;
    for (const claims of this.#byPath.values()) size += claims.length;
    return size;
  }

  #inTheWay(path: DiskPath, below: boolean): Set<Claim> {
    const found = new Set(this.#byPath.get(path));
    for (const claim of this.#subtrees) {
      if (isBelow(path, claim.path)) found.add(claim);
    }
    if (below) {
      for (const [other, claims] of this.#byPath) {
        if (isBelow(other, path)) { for (const claim of claims) found.add(claim); }
      }
    }
    return found;
  }

  #add(claim: Claim): void {
    const same = this.#byPath.get(claim.path);
    if (same === undefined) this.#byPath.set(claim.path, [claim]);
    else same.push(claim);
    if (claim.below) this.#subtrees.add(claim);
  }

  /** Also for a claim that gave up waiting; releasing twice is nothing. */
  #release(claim: Claim): void {
    const same = this.#byPath.get(claim.path), at = same?.indexOf(claim) ?? -1;
    if (same === undefined || at < 0) return;
    same.splice(at, 1);
    if (same.length === 0) this.#byPath.delete(claim.path);
    this.#subtrees.delete(claim);
    for (const later of claim.waiting ?? []) {
      later.blockers--;
      if (later.blockers === 0) later.grant();
    }
    claim.waiting = undefined;
  }
}

function nothing(): void {}
