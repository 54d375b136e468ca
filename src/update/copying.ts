/** Files that the peer makes from others that it has: all but their content is sent. */
import { isWithinTick, tickIsOver } from "../fs/mod.ts";
import type { DbName, DirtyRow, Key, Located, Regular } from "../model/mod.ts";
import type { BulkPeer } from "../protocol/mod.ts";
import { memorySource, OutgoingContent } from "./content.ts";
import { isSystemError, type PushContext } from "./context.ts";
import * as say from "./messages.ts";

/** LIMIT: copies under way; no content is held meanwhile. */
const COPIES_AT_ONCE = 256;
/** LIMIT: the same where files are open for longer than a moment. */
const LARGE_AT_ONCE = 4;
/** Read in one piece. */
const SMALL_BYTES = 256 * 1_024;

/** A peer that can copy. */
export type CopyingPeer = BulkPeer & Required<Pick<BulkPeer, "copy">>;

export function canCopy(bulk: BulkPeer | undefined): bulk is CopyingPeer {
  return bulk?.copy !== undefined;
}

/** A new file, and a name that may have its content at the peer. */
export interface CopiedFile {
  readonly row: DirtyRow;
  readonly key: Key;
  readonly at: Located;
  /** Bytes, when it was found. */
  readonly size: number;
  readonly like: { readonly key: Key; readonly name: DbName };
}

export interface CopyFilesOptions {
  readonly bulk: CopyingPeer;
  readonly files: readonly CopiedFile[];
  /** No more is begun. */
  readonly isStopped: () => boolean;
}

/**
 * Has the peer make the files. That they have these contents is a guess, and whatever goes wrong is not
 * told: such a row is to be pushed as any other.
 *
 * @returns rows that are done, as they end
 * @throws NetError, ProtocolError
 */
export async function* copyFiles(
  context: PushContext,
  { bulk, files, isStopped }: CopyFilesOptions,
): AsyncGenerator<DirtyRow, void, void> {
  const going: Promise<DirtyRow | undefined>[] = [];
  for (const file of files) {
    if (isStopped()) break;
    const copied = copyOne(context, bulk, file).then((isDone) => isDone ? file.row : undefined);
    copied.catch(() => {}); // told when it is its turn
    going.push(copied);
    const most = file.size > SMALL_BYTES ? LARGE_AT_ONCE : COPIES_AT_ONCE;
    while (going.length >= most) {
      const row = await going.shift();
      if (row !== undefined) yield row;
    }
  }
  for (const copied of going) {
    const row = await copied;
    if (row !== undefined) yield row;
  }
}

async function copyOne(
  { reporter, peerName, looked, wasPut, jail }: PushContext,
  bulk: CopyingPeer,
  { row: { name }, key, like, ...file }: CopiedFile,
): Promise<boolean> {
  try {
    const digested = await digest(jail, file);
    if (digested === undefined) return false;
    const outcome = await bulk.copy({ key, name, like, ...digested });
    if (outcome?.kind !== "done") return false;
    if (reporter.wants(1)) reporter.note(say.started({ name, peer: peerName, isRemoval: false }));
    looked(name, digested.here);
    wasPut(name, digested.here, 0);
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

type Jail = PushContext["jail"];
type File = Pick<CopiedFile, "at" | "size">;

/** Of one state of the file. */
async function digest(
  jail: Jail,
  file: File,
): Promise<{ readonly here: Regular; readonly digest: Uint8Array } | undefined> {
  using stack = new DisposableStack();
  const { here, content } = await read(jail, file, stack);
  const digest = await content.digest();
  if (digest === undefined || !content.whole().isStillValid()) return undefined;
  return { here, digest };
}

async function read(
  jail: Jail,
  { at, size }: File,
  stack: DisposableStack,
): Promise<{ readonly here: Regular; readonly content: OutgoingContent }> {
  if (size <= SMALL_BYTES) {
    const all = new Uint8Array(size), nowMs = Date.now(), small = jail.readSmall(at, all);
    if (small !== undefined && !isWithinTick(small.fingerprint, nowMs)) {
      const here = small.entry;
      return { here, content: new OutgoingContent(memorySource(all.subarray(0, here.size))) };
    }
  }
  const source = stack.use(jail.open(at));
  await tickIsOver(source.fingerprint);
  const here: Regular = { kind: "reg", meta: source.meta, size: source.size };
  return { here, content: new OutgoingContent(source) };
}
