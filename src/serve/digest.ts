/** SHA-256 of one state of a file. */
import { contentDigest } from "../delta/mod.ts";
import { type SourceFile, tickIsOver } from "../fs/mod.ts";

/** @returns undefined when it was changed while it was read. @throws OsError */
export async function digestOf(file: SourceFile): Promise<Uint8Array | undefined> {
  await tickIsOver(file.fingerprint);
  const digest = await contentDigest(file);
  return file.isUnchanged() ? digest : undefined;
}
