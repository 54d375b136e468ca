import { deepStrictEqual as equal } from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { markFor } from "../../tests/support/fake_peer.ts";
import { locate } from "../config/mod.ts";
import type { SmallFile } from "../fs/mod.ts";
import type { Regular } from "../model/mod.ts";
import type { Offered } from "./offered.ts";
import { readAhead } from "./read_ahead.ts";

Deno.test("readAhead() reads no more than a part of what contents may take, and one file always", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 9 }, (_, n) => [`a/${n}`, "x".repeat(100)]),
  );
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @/a; }", files);
  const rows = Object.keys(files).map((file): Offered => {
    const name = bed.name(file);
    const here = bed.jail.look(locate(bed.config, name)!) as Regular;
    return {
      row: { ...markFor(name, "b.demo"), generation: 1 },
      seen: { here, there: { kind: "absent" } },
    };
  });
  const readAtOnce = (bytes?: number): number[] => {
    const counts: number[] = [];
    const readSmallEach = (wanted: readonly unknown[]) => {
      counts.push(wanted.length);
      return wanted.map(() => undefined);
    };
    const context = { config: bed.config, jail: { readSmallEach } as never };
    equal([...readAhead(context, rows, bytes === undefined ? undefined : { bytes })].length, 9);
    return counts;
  };
  equal(readAtOnce(), [9]);
  equal(readAtOnce(1_200), [3, 3, 3]);
  equal(readAtOnce(4), [1, 1, 1, 1, 1, 1, 1, 1, 1]);
});

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
