/** One object held by a descriptor: its name may lead elsewhere by now. */
import { type Name, nanos, type Present } from "../model/mod.ts";
import {
  closeLookOf,
  type Fd,
  list,
  O_DIRECTORY,
  O_RDONLY,
  openAt,
  setModeHeld,
  setOwnerHeld,
  setTimeHeld,
} from "../os/mod.ts";
import type { Fingerprint } from "../model/mod.ts";
import type { HeldObject } from "./ports.ts";

/** HeldObject over a descriptor, which it owns; a path descriptor is enough. */
export class DiskObject implements HeldObject {
  readonly #fd: Fd;
  readonly #name: string;

  /** @param name for messages */
  constructor(fd: Fd, name: string) {
    this.#fd = fd;
    this.#name = name;
  }

  lookClosely(): { readonly entry: Present; readonly fingerprint: Fingerprint } {
    return closeLookOf(this.#fd, this.#name);
  }

  list(): Name[] {
    using readable = openAt(".", { dir: this.#fd, flags: O_RDONLY | O_DIRECTORY });
    return namesIn(readable);
  }

  setOwner(uid: number | undefined, gid: number | undefined): void {
    setOwnerHeld(this.#fd, { uid, gid }, this.#name);
  }

  setMode(mode: number): void {
    setModeHeld(this.#fd, mode, this.#name);
  }

  setTime(mtime: bigint): void {
    setTimeHeld(this.#fd, nanos(mtime), this.#name);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Entries of a directory that is open for reading. @throws OsError */
export function namesIn(readable: Fd): Name[] {
  const names: Name[] = [];
  const error = list(readable, (name) => void names.push(name as Name));
  if (error !== undefined) throw error;
  return names;
}
