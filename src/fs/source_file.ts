/** A regular file open for reading. */
import { type Fingerprint, type Meta, type Regular, sameFingerprint } from "../model/mod.ts";
import {
  type CloseLook,
  closeLookOf,
  errorNamed,
  type Fd,
  nextData,
  OsError,
  readAt,
} from "../os/mod.ts";
import type { SourceFile } from "./ports.ts";

/** PERF: smaller files are not asked for their holes. */
const HOLE_MIN_BYTES = 65_536;

export interface DiskSourceInit {
  /** Open for reading; owned from now on. */
  readonly fd: Fd;
  /** For messages. */
  readonly path: string;
  /** What the name leads to at the time of the call. @throws OsError */
  lookAgain(): CloseLook;
  /** Whatever lookAgain needs open. */
  readonly also?: Disposable;
}

/** SourceFile over a descriptor. */
export class DiskSource implements SourceFile {
  readonly fingerprint: Fingerprint;
  readonly meta: Meta;
  readonly size: number;
  readonly #init: DiskSourceInit;
  #isSparse: boolean | undefined;

  private constructor(init: DiskSourceInit, seen: { entry: Regular; fingerprint: Fingerprint }) {
    this.#init = init;
    this.fingerprint = seen.fingerprint;
    this.meta = seen.entry.meta;
    this.size = seen.entry.size;
  }

  /** Takes over `init.fd`, also when it throws. @throws OsError `EINVAL` for what is no regular file */
  static of(init: DiskSourceInit): DiskSource {
    try {
      const { entry, fingerprint } = closeLookOf(init.fd, init.path);
      if (entry.kind !== "reg") throw errorNamed("EINVAL", { call: "read", path: init.path });
      return new DiskSource(init, { entry, fingerprint });
    } catch (error) {
      init.fd[Symbol.dispose]();
      init.also?.[Symbol.dispose]();
      throw error;
    }
  }

  /** For copying within the kernel; stays ours. */
  get fd(): Fd {
    return this.#init.fd;
  }

  /** Whether it has holes. */
  get isSparse(): boolean {
    return this.#isSparse ??= this.#hasHoles();
  }

  #hasHoles(): boolean {
    if (this.size < HOLE_MIN_BYTES) return false;
    try {
      const first = this.dataFrom(0);
      return first === undefined || first.start > 0 || first.end < this.size;
    } catch (error) {
      if (error instanceof OsError) return false; // a file system that does not tell
      throw error;
    }
  }

  /** The next piece that is no hole, at `offset` or behind it. @throws OsError */
  dataFrom(offset: number): { readonly start: number; readonly end: number } | undefined {
    return nextData(this.#init.fd, offset, this.#init.path);
  }

  readAt(into: Uint8Array, offset: number): number {
    return readAt(this.#init.fd, into, { offset, path: this.#init.path });
  }

  isUnchanged(): boolean {
    const { fd, path } = this.#init;
    if (!sameFingerprint(closeLookOf(fd, path).fingerprint, this.fingerprint)) return false;
    try {
      const { fingerprint } = this.#init.lookAgain();
      return fingerprint !== undefined && sameFingerprint(fingerprint, this.fingerprint);
    } catch (error) {
      if (error instanceof OsError) return false; // the name leads nowhere that we may look
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#init.fd[Symbol.dispose]();
    this.#init.also?.[Symbol.dispose]();
  }
}
