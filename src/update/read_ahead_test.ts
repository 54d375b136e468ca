import { deepStrictEqual as equal } from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { markFor } from "../../tests/support/fake_peer.ts";
import { locate } from "../config/mod.ts";
import type { SmallFile } from "../fs/mod.ts";
import type { Regular } from "../model/mod.ts";
import type { Offered } from "./offered.ts";
import { readAhead } from "./read_ahead.ts";

Deno.test("readAhead() leaves what may be written again in the same tick to be opened later", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @/a; }", {
    "a/old": "old",
    "a/new": "new",
  });
  const nowMs = Date.now();
  const jail = {
    readSmallEach: (wanted: Parameters<typeof bed.jail.readSmallEach>[0]) =>
      bed.jail.readSmallEach(wanted).map((file, n) => {
        if (file === undefined || file instanceof Error) throw file;
        const ctime = BigInt(n === 0 ? nowMs - 60_000 : nowMs) * 1_000_000n;
        return { ...file, fingerprint: { ...file.fingerprint, ctime } };
      }),
  };
  const rows = ["a/old", "a/new"].map((file): Offered => {
    const name = bed.name(file);
    const here = bed.jail.look(locate(bed.config, name)!) as Regular;
    const row = { ...markFor(name, "b.demo"), generation: 1 };
    return { row, seen: { here, there: { kind: "absent" } } };
  });
  const read = [...readAhead({ config: bed.config, jail: jail as never }, rows)];
  const files = read.map(({ seen }) => seen?.small?.file as SmallFile | undefined);
  equal(files.map((file) => file?.entry.kind), ["reg", undefined]);
});
