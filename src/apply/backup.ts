/** Copies of regular files before they are changed or removed (W 14.4 with the intended rotation). */
import {
  type DbName,
  type DiskPath,
  failed,
  isName,
  leaf,
  type Located,
  type Name,
  parent,
} from "../model/mod.ts";
import type { DirHandle, Jail, SourceFile, TempFile } from "../fs/mod.ts";
import { type BackupPlace, isSystemError, pathOf, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";
import { announce, giveUp, holdNew, type Place, Refused, verify } from "./steps.ts";

const COPY_BYTES = 256 * 1_024;
/** After so much copying other connections get a turn. */
const TURN_BYTES = 16 * 1_024 * 1_024;
const CONTROL_REGEXP = /[\x00-\x1f\x7f]/g;

/**
 * Copies the regular file at `place` into each backup directory of the target. Does nothing for other
 * objects. The name of the copy is the backup directory and the file's path on this host; no link is
 * followed below the backup directory. The older copies move up: X -> X.1 -> ... -> X.(N-1).
 *
 * @throws Refused nothing was changed but, at worst, copies moved up,
 * or the file changed while it was copied
 */
export async function backUp(
  workshop: Workshop,
  { target, place }: { target: Target; place: Place },
): Promise<void> {
  if (!isBackedUp({ target, place })) return;
  const places = target.backups.filter(isKept);
  const path = pathOf(target.at);
  const shown = path.replace(CONTROL_REGEXP, "?");
  for (const backup of places) {
    try {
      await copyTo(workshop, { backup, path, place, target });
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const what = error.call === "write" || error.call === "pwrite" ? "Write" : "Open";
      // COMPAT: one line; the C program's text ends in two line feeds (W 20.4).
      throw new Refused(failed(`${what} error while backing up '${shown}': ${error.text}`), error);
    }
  }
  verify(place); // copying took its time
}

/** Whether copies are kept of what is about to be replaced. */
export function isBackedUp({ target, place }: { target: Target; place: Place }): boolean {
  return place.admitted.entry.kind === "reg" && target.backups.some(isKept);
}

function isKept({ generations }: BackupPlace): boolean {
  return generations > 1;
}

async function copyTo(
  workshop: Workshop,
  { backup, path, place, target }: {
    backup: BackupPlace;
    path: DiskPath;
    place: Place;
    target: Target;
  },
): Promise<void> {
  const at: Located = { anchor: backup.directory, below: path.slice(1) };
  makeDirectories(workshop.jail, { backup: backup.directory, path });
  const { dir, leaf: name } = workshop.jail.parentOf(at);
  using _dir = dir;
  // The copy has an intent of its own, under its own path, so that no half of it survives a crash.
  const copy: Target = { ...target, name: pathOf(at) as string as DbName, at };
  const temp = dir.tempName(name);
  await announce(workshop, { target: copy, temp, want: undefined });
  try {
    using file = dir.createTemp(name, temp);
    await fill(workshop, { file, place });
    verify(place); // a copy of something that was being written pushes no good one out
    rotate(dir, { name, generations: backup.generations });
    file.installAs(name);
  } finally {
    await giveUp(workshop, { target: copy, place: { dir }, temp });
  }
}

async function fill(
  { durable }: Workshop,
  { file, place }: { file: TempFile; place: Place },
): Promise<void> {
  using source = place.dir.open(place.leaf);
  await copyContent(source, (bytes) => file.write(bytes));
  const { uid, gid, mode, mtime } = source.meta;
  file.setOwner(uid, gid);
  file.setMode(mode);
  file.setTime(mtime);
  const [failure] = await durable.contents([file]);
  if (failure !== undefined) throw failure;
}

async function copyContent(
  source: SourceFile,
  write: (bytes: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(COPY_BYTES, source.size + 1));
  let offset = 0;
  while (true) {
    const count = source.readAt(buffer, offset);
    if (count === 0) return;
    write(buffer.subarray(0, count));
    const turn = Math.floor(offset / TURN_BYTES);
    offset += count;
    if (Math.floor(offset / TURN_BYTES) > turn) await new Promise((go) => setTimeout(go, 0));
  }
}

function rotate(
  dir: DirHandle,
  { name, generations }: { name: Name; generations: number },
): void {
  const present = new Set<string>(dir.list());
  for (let g = generations - 1; g > 0; g--) {
    const from = g === 1 ? name : `${name}.${g - 1}`, to = `${name}.${g}`;
    if (!present.has(from) || !isName(from) || !isName(to)) continue;
    try {
      dir.rename(from, to);
    } catch (error) {
      if (isSystemError(error, "ENAMETOOLONG")) continue; // a name of 255 bytes has one copy only
      throw error;
    }
  }
}

/** Makes the backup directory, and in it the directories of the file, dressed like the originals. */
function makeDirectories(
  jail: Jail,
  { backup, path }: { backup: DiskPath; path: DiskPath },
): void {
  const above = parent(path) ?? "/" as DiskPath;
  if (isDirectory(jail, { anchor: backup, below: above.slice(1) })) return;
  makeBackupDirectory(jail, backup);
  const parts = above.slice(1).split("/").filter((part) => part !== "");
  for (let count = 1; count <= parts.length; count++) {
    const below = parts.slice(0, count).join("/");
    makeDirectory(jail, { anchor: backup, below }, {
      like: { anchor: "/" as DiskPath, below },
    });
  }
}

/** The backup directory is the administrator's: links in its own path are followed. */
function makeBackupDirectory(jail: Jail, path: DiskPath): void {
  if (path === "/" || isDirectory(jail, { anchor: path, below: "" })) return;
  const above = parent(path) ?? "/" as DiskPath;
  makeBackupDirectory(jail, above);
  makeDirectory(jail, { anchor: above, below: leaf(path) }, {});
}

function makeDirectory(jail: Jail, at: Located, { like }: { like?: Located }): void {
  const { dir, leaf: name } = jail.parentOf(at);
  using _dir = dir;
  try {
    dir.mkdir(name, 0o700);
  } catch (error) {
    if (isSystemError(error, "EEXIST") && dir.look(name).kind === "dir") return;
    throw error;
  }
  const original = like === undefined ? undefined : jail.look(like);
  if (original?.kind !== "dir") return;
  using held = holdNew(dir, name);
  held.setOwner(original.meta.uid, original.meta.gid);
  held.setMode(original.meta.mode);
}

function isDirectory(jail: Jail, at: Located): boolean {
  try {
    return jail.look(at).kind === "dir";
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false; // the anchor itself is missing
    throw error;
  }
}
