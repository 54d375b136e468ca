import { deepEqual } from "node:assert/strict";
import { tree } from "../../tests/support/tree.ts";
import { tracing } from "../../tests/support/trace.ts";
import type { Name } from "../model/mod.ts";
import { openJail } from "./jail.ts";
import { SyncGroups } from "./sync_group.ts";
import type { DiskTemp } from "./temp_file.ts";

Deno.test("SyncGroups leaves syncfs for a while where it is slow, on that file system", async () => {
  using t = tree();
  using jail = openJail();
  using dir = jail.parentOf(t.at("F")).dir;
  using stack = new DisposableStack();
  const files = Array.from({ length: 3 }, () => stack.use(dir.createTemp("F" as Name)));
  const unsynced = () => files.map((file) => (file as DiskTemp).unsynced);
  let now = 0, tookMs = 10;
  const groups = new SyncGroups(() => now += tookMs);
  const ways: string[] = [];
  const sync = async () => {
    const log: string[] = [];
    const answers = await tracing({ disk: "ext4", log }, () => groups.contents(unsynced()));
    deepEqual(answers, [undefined, undefined, undefined]);
    ways.push([...new Set(log.map((line) => line.split(" ")[0]!))].join());
  };
  await sync();
  tookMs = 600;
  await sync();
  tookMs = 10;
  for (let n = 0; n < 21; n++) await sync();
  const slow = new Array(20).fill("fsyncAside");
  deepEqual(ways, ["syncfsAside", "syncfsAside", ...slow, "syncfsAside"]);
});
