/** Times of directories, sent again after what is in them. */
import { keyFor } from "../config/mod.ts";
import { type DbName, nameOrder, type Nanos, parent, type Present } from "../model/mod.ts";
import type { PushContext } from "./context.ts";
import { isDirectlyIn } from "./related_paths.ts";

/** LIMIT: directories that are remembered; those beyond keep the time of their last change there. */
const MAX_DIRECTORIES = 50_000;

/** W 15.7: a directory is sent before its contents, which then change its time. */
export class DirectoryTimes {
  readonly #times = new Map<DbName, Nanos>();
  readonly #spoilt = new Set<DbName>();
  /** Of what was sent last. PERF: its neighbours come next. */
  #last: DbName | undefined;

  sent(name: DbName, what: Present): void {
    const last = this.#last;
    const dir = last !== undefined && isDirectlyIn(name, last) ? last : parent(name);
    this.#last = dir;
    if (dir !== undefined && this.#times.has(dir)) this.#spoilt.add(dir);
    this.#spoilt.delete(name);
    this.found(name, what);
  }

  /** The peer has it as it is here. */
  found(name: DbName, what: Present): void {
    if (what.kind === "dir" && this.#times.size < MAX_DIRECTORIES) {
      this.#times.set(name, what.meta.mtime);
    }
  }

  /** Contents before their directory. A refusal is not worth an error: no record depends on it. */
  async restore({ config, peer, peerName }: PushContext): Promise<void> {
    const names = [...this.#spoilt].sort((a, b) => nameOrder(b, a));
    for (let at = 0; at < names.length; at += peer.window) {
      await Promise.all(
        names.slice(at, at + peer.window).map(async (name) => {
          const key = keyFor(config, name, peerName);
          const mtime = this.#times.get(name);
          if (key !== undefined && mtime !== undefined) await peer.touch(key, name, mtime);
        }),
      );
    }
  }
}
