/** Waiting until what was written just now is not taken for something that is being written. */
import { locate } from "../../src/config/mod.ts";
import { isWithinTick } from "../../src/fs/mod.ts";
import type { Bed } from "./journey_bed.ts";

/** @param names of objects below the tree; some may be absent */
export async function tickIsOver(bed: Bed, names: readonly string[]): Promise<void> {
  const looks = names.map((name) => bed.jail.lookClosely(locate(bed.config, bed.name(name))!));
  while (looks.some(({ fingerprint }) => fingerprint && isWithinTick(fingerprint, Date.now()))) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
