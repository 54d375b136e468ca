/** Owned descriptors. */
import { errorNamed, failure } from "./errno.ts";
import { F_DUPFD_CLOEXEC } from "./flags.ts";
import { rare, reading } from "./libc.ts";

/** A descriptor that somebody owns: closed when disposed, and unusable from then on. */
export class Fd implements Disposable {
  #number: number;

  /** Takes over `number`, which must be open. */
  constructor(number: number) {
    this.#number = number;
  }

  /** For the next call only: do not keep it. @throws OsError `EBADF` once disposed */
  get number(): number {
    if (this.#number < 0) throw errorNamed("EBADF", { call: "use", path: "a closed descriptor" });
    return this.#number;
  }

  get isOpen(): boolean {
    return this.#number >= 0;
  }

  /** A second descriptor of the same open file, owned by the caller. @throws OsError */
  duplicate(): Fd {
    const n = rare().fcntl(this.number, F_DUPFD_CLOEXEC, 0);
    if (n < 0) throw failure("fcntl", `/dev/fd/${this.#number}`);
    return new Fd(n);
  }

  /** Gives the descriptor away: the caller closes it. */
  release(): number {
    const number = this.number;
    this.#number = -1;
    return number;
  }

  /**
   * Closes, once. Linux frees the descriptor even when close fails, and what a failed close would
   * say about written data has to be asked with sync() before.
   */
  [Symbol.dispose](): void {
    if (this.#number < 0) return;
    const number = this.#number;
    this.#number = -1;
    reading().close(number);
  }
}
