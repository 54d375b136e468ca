/** A directory to change, and an Applier over the real file system with a state in memory. */
import { Applier, type ApplierOptions, type Target } from "../../src/apply/mod.ts";
import { isTempName, openJail, PathLocks } from "../../src/fs/mod.ts";
import { type DbName, type DiskPath, type HostName, utf8Bytes } from "../../src/model/mod.ts";
import { MemoryStore } from "../../src/state/mod.ts";

export const PEER = "peer.test" as HostName;

export class Workbench implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "csync2-apply-" });
  readonly state = new MemoryStore();
  readonly #jails = new DisposableStack();

  /** A new program over the same disk and state, as after a crash. */
  applier(options: Partial<ApplierOptions> = {}): Applier {
    return new Applier({
      jail: this.#jails.use(openJail()),
      state: this.state,
      locks: new PathLocks(),
      ignored: { uid: false, gid: false, mod: false },
      ...options,
    });
  }

  path(name: string): string {
    return name === "" ? this.root : `${this.root}/${name}`;
  }

  target(name: string, more: Partial<Target> = {}): Target {
    const path = utf8Bytes(this.path(name));
    return {
      name: path as DbName,
      at: { anchor: "/" as DiskPath, below: path.slice(1) },
      peer: PEER,
      backups: [],
      actions: [],
      ...more,
    };
  }

  write(name: string, content: string | Uint8Array, mode = 0o644): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(this.path(name), bytes);
    Deno.chmodSync(this.path(name), mode);
  }

  mkdir(name: string): void {
    Deno.mkdirSync(this.path(name), { recursive: true });
  }

  /** One line per object: path, kind, permissions, content or target. Temporary names included. */
  tree(name = ""): Record<string, string> {
    const found: Record<string, string> = {};
    const visit = (path: string, shown: string) => {
      const info = Deno.lstatSync(path);
      const mode = (info.mode! & 0o7777).toString(8);
      if (info.isSymlink) found[shown] = `link ${Deno.readLinkSync(path)}`;
      else if (info.isFile) found[shown] = `file ${mode} ${shorten(Deno.readTextFileSync(path))}`;
      else if (!info.isDirectory) found[shown] = `${info.isFifo ? "fifo" : "node"} ${mode}`;
      else {
        if (shown !== "") found[shown] = `dir ${mode}`;
        for (const entry of Deno.readDirSync(path)) {
          visit(`${path}/${entry.name}`, shown === "" ? entry.name : `${shown}/${entry.name}`);
        }
      }
    };
    visit(this.path(name), "");
    return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1));
  }

  get leftovers(): string[] {
    return Object.keys(this.tree()).filter((path) => isTempName(path.split("/").at(-1)!));
  }

  [Symbol.dispose](): void {
    this.#jails.dispose();
    Deno.removeSync(this.root, { recursive: true });
  }
}

function shorten(content: string): string {
  return content.length <= 40 ? content : `${content.slice(0, 8)}... ${content.length}`;
}
