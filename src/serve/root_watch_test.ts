import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { refusalText } from "../model/mod.ts";
import { RootWatch } from "./root_watch.ts";

const GROUP = "group g { host a.demo b.demo; key k; include @/data @/web @/file; }";

/** A watch over a tree, with a clock of its own. */
class WatchBed extends Bed {
  ms = 0;
  readonly watch = new RootWatch({
    config: this.config,
    state: this.state,
    jail: this.jail,
    reporter: this.reporter,
    now: () => this.ms,
  });

  /** Answers to requests for the names, some time after the last ones. */
  async ask(...names: string[]): Promise<(string | undefined)[]> {
    this.ms += 1_000;
    const answers: (string | undefined)[] = [];
    for (const name of names) {
      const refusal = await this.watch.refusalOf(this.name(name));
      answers.push(refusal && refusalText(refusal).replaceAll(`${this.tree.path}/`, "@/"));
    }
    return answers;
  }

  async put(...names: string[]): Promise<void> {
    const stored = "v1%3Amtime=1%3Amode=33188%3Atype=reg%3Asize=0";
    await this.state.transaction((tx) =>
      tx.putRecords(names.map((name) => ({ name: this.name(name), stored })))
    );
  }
}

const MISSING = "Directory @/data is missing or not mounted here.";

Deno.test("D 7.3.2 RootWatch refuses what is below a root that is gone, and tells it once", async () => {
  await using bed = new WatchBed(GROUP, { "data/1": "", "web/1": "" });
  await bed.put("data/1", "web/1");
  const names = ["data", "data/1", "data/new/x", "web/1"];
  assert.deepEqual(await bed.ask(...names), [undefined, undefined, undefined, undefined]);
  bed.tree.remove("data");
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await bed.ask(...names), [MISSING, MISSING, MISSING, undefined]);
  }
  const told = () => bed.reporter.events.filter(({ event }) => event === "root-missing").length;
  assert.equal(told(), 1);
  bed.tree.make({ "data/": "" });
  assert.deepEqual(await bed.ask(...names), [undefined, undefined, undefined, undefined]);
  bed.tree.remove("data");
  assert.deepEqual(await bed.ask("data/1"), [MISSING]);
  assert.equal(told(), 2, "another fault");
});

Deno.test("D 7.3.2 RootWatch lets peers make what was never there, one after the other", async () => {
  await using bed = new WatchBed(GROUP, {});
  assert.deepEqual(await bed.ask("data", "data/d", "file"), [undefined, undefined, undefined]);
  // Within the time for which an answer is believed.
  bed.tree.make({ "data/": "" });
  await bed.put("data");
  for (const name of ["data/1", "data/2"]) {
    assert.equal(await bed.watch.refusalOf(bed.name(name)), undefined);
    await bed.put(name);
  }
});

Deno.test("D 7.3.2 RootWatch writes down where roots are, once they hold what is recorded", async () => {
  await using bed = new WatchBed(GROUP, { "data/1": "", "web/": "" });
  await bed.put("data/1", "web/elsewhere");
  await bed.ask("data/1");
  await bed.ask("web/1");
  await bed.ask("file");
  const rows = (await bed.state.roots()).map(({ name, of }) => `${bed.short(name)} ${of}`);
  assert.deepEqual(rows, ["data itself"]);
});

Deno.test("D 7.3.2 RootWatch: a single file may be made where it was removed", async () => {
  await using bed = new WatchBed(GROUP, { other: "" });
  await bed.put("file");
  assert.deepEqual(await bed.ask("file"), [undefined]);
});
