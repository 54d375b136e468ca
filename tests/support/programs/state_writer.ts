/**
 * Writes to a database as fast as it can, for tests with several processes:
 * `state_writer.ts DATABASE ID SECONDS [hang]`. Prints the number of its transactions; with `hang` it
 * stays in the middle of one.
 */
import type { DbName, DirtyMark, FileRecord, HostName } from "../../../src/model/mod.ts";
import { openState } from "../../../src/state/mod.ts";

const [database = "", id = "", seconds = "1", hang] = Deno.args;
await using store = await openState({
  database,
  hostName: "a.demo",
  configName: "",
  lockTimeoutSeconds: 12,
  defaultDir: database,
});

const end = performance.now() + 1_000 * Number(seconds);
let count = 0;
for (; performance.now() < end; count++) {
  const name = `/${id}/${count}` as DbName;
  const marks: DirtyMark[] = ["b.demo", "c.demo"].map((peer) => ({
    name,
    forced: false,
    myName: "a.demo" as HostName,
    peer: peer as HostName,
  }));
  await store.transaction(async (tx) => {
    // Three rows that belong together: whoever sees one has to see all.
    await tx.putRecords([{ name, stored: "v1%3Atype=fifo", subsecond: 5 } as FileRecord]);
    if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await tx.mark(marks);
    if (hang === "hang" && count === 20) {
      console.log("hanging");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
  });
  if (count % 7 === 0) { for await (const _batch of store.records("descending")) break; }
}
console.log(count);
