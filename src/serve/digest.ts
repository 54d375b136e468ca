/** SHA-256 of one state of a file. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type SourceFile, tickIsOver } from "../fs/mod.ts";

/** PERF: larger pieces are not faster, smaller ones are. */
const PIECE_BYTES = 1_048_576;
/** Bytes between two turns of everybody else: some 10 ms. */
const TURN_BYTES = 16 * 1_048_576;

/** @returns undefined when it was changed while it was read. @throws OsError */
export async function digestOf(file: SourceFile): Promise<Uint8Array | undefined> {
  await tickIsOver(file.fingerprint);
  const hash = createHash("sha256");
  const piece = new Uint8Array(Math.max(1, Math.min(PIECE_BYTES, file.size)));
  for (let offset = 0, turn = TURN_BYTES; offset < file.size;) {
    const count = file.readAt(piece, offset);
    if (count === 0) return undefined; // it was cut
    hash.update(piece.subarray(0, count));
    offset += count;
    if (offset < turn) continue;
    turn += TURN_BYTES;
    await setImmediate();
  }
  return file.isUnchanged() ? new Uint8Array(hash.digest()) : undefined;
}
