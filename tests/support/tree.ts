/** Temporary trees: made from a record, read back as one. Names are byte strings. */
import {
  type DiskPath,
  type Entry,
  fromBytes,
  type Located,
  type Name,
  nanos,
  parent,
  toBytes,
  TYPE_BITS,
} from "../../src/model/mod.ts";
import { type DirHandle, openJail } from "../../src/fs/mod.ts";

/** What a path shall be. */
export interface NodeSpec {
  /** @default "reg" */
  readonly kind?: "reg" | "dir" | "lnk" | "fifo" | "chr" | "blk";
  /** Content of a file, target of a link; a byte string. @default "" */
  readonly data?: string;
  /** Low 12 bits. @default 0o644, 0o755 for directories */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Nanoseconds. @default 10^18, the ninth of September 2001 */
  readonly mtime?: bigint;
  readonly rdev?: number;
}

/** Path below the tree -> content, or a NodeSpec. A key with a slash at its end is a directory. */
export type TreeSpec = Readonly<Record<string, string | NodeSpec>>;

/** What read() gives: files by content, `dir/`: "", links: `-> target`, others: `<fifo>`. */
export type TreeContent = Record<string, string>;

const DEFAULT_TIME = nanos(1_000_000_000_000_000_000n);

/** Makes a tree in a new directory below `/tmp`, removed when disposed. Missing parents are made. */
export function tree(spec: TreeSpec = {}): Tree {
  const made = new Tree(Deno.makeTempDirSync({ dir: "/tmp", prefix: "csync-test-" }) as DiskPath);
  made.make(spec);
  return made;
}

export const link = (target: string): NodeSpec => ({ kind: "lnk", data: target });
export const directory = (spec: NodeSpec = {}): NodeSpec => ({ ...spec, kind: "dir" });
export const fifo = (spec: NodeSpec = {}): NodeSpec => ({ ...spec, kind: "fifo" });

export class Tree implements Disposable {
  readonly #jail = openJail();

  constructor(
    /** Absolute, real. */
    readonly path: DiskPath,
  ) {}

  /** Where `below` is for a jail: the tree is the anchor, unless another is asked for. */
  at(below = ""): Located {
    return { anchor: this.path, below };
  }

  /** The same object with the anchor `/`, as plain names have it. */
  atRoot(below = ""): Located {
    const path = this.path.slice(1);
    return { anchor: "/" as DiskPath, below: below === "" ? path : `${path}/${below}` };
  }

  /** Absolute path of `below`. */
  join(below: string): DiskPath {
    return `${this.path}/${below}` as DiskPath;
  }

  /** Adds to the tree; directories get their times last. */
  make(spec: TreeSpec): void {
    const nodes = Object.entries(spec).map(([key, value]) => nodeOf(key, value));
    for (const node of nodes) this.#makeOne(node.below, node.spec);
    for (const { below, spec } of nodes.toReversed()) {
      if (spec.kind === "dir") this.#inParent(below, (dir, leaf) => dress(dir, leaf, spec));
    }
  }

  /** Removes one object, with everything in it. */
  remove(below: string): void {
    this.#inParent(below, removeAll);
  }

  entry(below: string): Entry {
    return this.#jail.look(this.at(below));
  }

  /** The whole tree; sorted by name. */
  read(): TreeContent {
    const found: [string, string][] = [];
    this.#readInto(found, "");
    found.sort(([a], [b]) => a < b ? -1 : 1);
    return Object.fromEntries(found);
  }

  [Symbol.dispose](): void {
    const above = {
      anchor: parent(this.path)!,
      below: this.path.slice(this.path.lastIndexOf("/") + 1),
    };
    const { dir, leaf } = this.#jail.parentOf(above);
    removeAll(dir, leaf);
    dir[Symbol.dispose]();
    this.#jail[Symbol.dispose]();
  }

  #makeOne(below: string, spec: NodeSpec): void {
    const above = below.split("/").slice(0, -1);
    for (const [i] of above.entries()) {
      const path = above.slice(0, i + 1).join("/");
      if (this.entry(path).kind === "absent") this.#makeOne(path, { kind: "dir" });
    }
    this.#inParent(below, (dir, leaf) => {
      create(dir, leaf, spec);
      if (spec.kind !== "dir") dress(dir, leaf, spec);
    });
  }

  #inParent(below: string, action: (dir: DirHandle, leaf: Name) => void): void {
    const { dir, leaf } = this.#jail.parentOf(this.at(below));
    using held = dir;
    action(held, leaf);
  }

  #readInto(found: [string, string][], below: string): void {
    const { dir } = this.#jail.parentOf(this.at(below === "" ? "." : `${below}/.`));
    using held = dir;
    for (const leaf of held.list()) {
      const path = below === "" ? leaf : `${below}/${leaf}`;
      const entry = held.look(leaf);
      switch (entry.kind) {
        case "dir":
          found.push([`${path}/`, ""]);
          this.#readInto(found, path);
          break;
        case "reg":
          found.push([path, content(held, leaf)]);
          break;
        case "lnk":
          found.push([path, `-> ${entry.target}`]);
          break;
        default:
          found.push([path, `<${entry.kind}>`]);
      }
    }
  }
}

function nodeOf(key: string, value: string | NodeSpec): { below: string; spec: NodeSpec } {
  if (key.endsWith("/")) {
    const spec = typeof value === "string" ? {} : value;
    return { below: key.slice(0, -1), spec: { ...spec, kind: "dir" } };
  }
  return { below: key, spec: typeof value === "string" ? { data: value } : value };
}

function create(dir: DirHandle, leaf: Name, { kind = "reg", data = "", rdev = 0 }: NodeSpec): void {
  switch (kind) {
    case "dir":
      if (dir.look(leaf).kind !== "dir") dir.mkdir(leaf, 0o700);
      return;
    case "lnk":
      return dir.symlink(leaf, data);
    case "reg": {
      using temp = dir.createTemp(leaf);
      temp.write(toBytes(data));
      return temp.installAs(leaf);
    }
    default:
      return dir.mknod(leaf, kind, 0o600, rdev);
  }
}

function dress(dir: DirHandle, leaf: Name, spec: NodeSpec): void {
  using held = dir.hold(leaf);
  if (spec.uid !== undefined || spec.gid !== undefined) held.setOwner(spec.uid, spec.gid);
  if (spec.kind !== "lnk") held.setMode(spec.mode ?? (spec.kind === "dir" ? 0o755 : 0o644));
  held.setTime(spec.mtime ?? DEFAULT_TIME);
}

function content(dir: DirHandle, leaf: Name): string {
  using file = dir.open(leaf);
  const bytes = new Uint8Array(file.size);
  return fromBytes(bytes.subarray(0, file.readAt(bytes, 0)));
}

function removeAll(dir: DirHandle, leaf: Name): void {
  if (dir.look(leaf).kind !== "dir") return dir.unlink(leaf);
  {
    using inner = dir.enter(leaf);
    for (const name of inner.list()) removeAll(inner, name);
  }
  dir.rmdir(leaf);
}

/** File type and permissions as they stand in Meta.mode. */
export function modeOf(kind: keyof typeof TYPE_BITS, permissions: number): number {
  return TYPE_BITS[kind] | permissions;
}
