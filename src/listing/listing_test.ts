/** Lists against the golden recordings, without a process: rows in, lines out. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { configOf } from "../../tests/support/config.ts";
import type { Config } from "../config/mod.ts";
import { type DbName, type DiskPath, type HostName, percentEncode } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { MemoryStore, openState, type StateStore } from "../state/mod.ts";
import { listDirty, listFiles, listHints, listPair } from "./mod.ts";

interface Step {
  readonly op: string;
  readonly text?: string;
  readonly sql?: string;
  readonly path?: string;
  readonly args?: readonly string[];
  readonly rc?: number;
  readonly stdout?: string;
}

const { cases } = JSON.parse(
  Deno.readTextFileSync(new URL("../../tests/golden/listing.json", import.meta.url)),
) as { cases: { name: string; steps: Step[] }[] };

async function run(args: readonly string[], config: Config, state: StateStore) {
  const reporter = new MemoryReporter();
  const context = { config, state, reporter };
  const [mode, myName = "", peer = ""] = args;
  const lists = {
    "-H": () => listHints(context),
    "-L": () => listFiles(context),
    "-M": () => listDirty(context),
    "-S": () => listPair({ ...context, myName, peer }),
  };
  const lines = await lists[mode as keyof typeof lists]();
  assert.equal(lines, reporter.printed.length);
  assert.deepEqual(reporter.events, []);
  return { rc: lines > 0 ? 0 : 2, stdout: reporter.printed.map((line) => `${line}\n`).join("") };
}

for (const { name, steps } of cases) {
  Deno.test(`golden listing: ${name}`, async () => {
    const dir = Deno.makeTempDirSync();
    try {
      await using state = await openState({
        database: dir,
        hostName: "a.demo",
        configName: "",
        lockTimeoutSeconds: 1,
        defaultDir: dir,
      });
      await replay(steps, { state, file: `${dir}/a.demo.db3` });
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}

/** The steps that only list, or that make what is listed; other modes are tested with their journeys. */
async function replay(steps: readonly Step[], o: { state: StateStore; file: string }) {
  let config = CONFIG;
  let lists = 0;
  for (const step of steps) {
    const { args = [] } = step;
    if (step.op === "config") config = configOf(step.text ?? "");
    else if (step.op === "sql") execute(step.sql ?? "", o.file);
    else if (step.op === "write") await store(o.state, `/tmp/csync2-demo2/${step.path}`);
    else if (args[0] === "-R") break; // rows change from here on
    else if (args[0] === "-cIr") await store(o.state, "/tmp/csync2-demo2/a", DIRECTORY);
    else if (step.op === "run" && !args.includes("-G") && args[0] !== "-Mv") {
      lists++;
      const want = { rc: step.rc, stdout: step.stdout };
      assert.deepEqual(await run(args, config, o.state), want, args.join(" "));
    }
  }
  assert.ok(lists > 0);
}

function execute(sql: string, file: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

const DIRECTORY = "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir";
const EMPTY_FILE = "v1%3Amtime=1000000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=0";

function store(state: StateStore, name: string, stored = EMPTY_FILE): Promise<void> {
  return state.transaction(async (tx) => await tx.putRecords([{ name: name as DbName, stored }]));
}

const CONFIG = configOf(`
prefix p { on *: /srv/p; }
group one { host a.demo@own b.demo; key k; include %p%; exclude *.tmp; }
group two { host a.demo c.demo; key k; include /two; }
`);

Deno.test("lists keep names of any bytes, decode once, and hide what no group matches", async () => {
  await using state = new MemoryStore();
  const names = ["%p%/x\ty\xff", "%p%/a.tmp", "/two/100%", "/three"] as DbName[];
  const link = `v1%3Atype=lnk%3Atarget=${percentEncode(percentEncode("to b"))}`;
  await state.transaction(async (tx) => {
    await tx.putRecords(names.map((name) => ({ name, stored: link, subsecond: 5 })));
    await tx.mark(names.map((name) => ({
      name,
      forced: name.startsWith("/"),
      myName: "own" as HostName,
      peer: "gone" as HostName,
    })));
    await tx.addHint({ path: "/any where" as DiskPath, recursive: true });
  });
  const text = "v1:type=lnk:target=to%20b";
  const list = async (...args: string[]) => (await run(args, CONFIG, state)).stdout;
  assert.equal(await list("-L"), `${text}\t%p%/x\ty\xff\n${text}\t/two/100%\n`);
  assert.equal(await list("-M"), "chary\town\tgone\t%p%/x\ty\xff\nforce\town\tgone\t/two/100%\n");
  assert.equal(await list("-S", "own", "b.demo"), `${text}\t%p%/x\ty\xff\n`);
  assert.equal(await list("-S", "a.demo", "c.demo"), `${text}\t/two/100%\n`);
  assert.equal(await list("-S", "a.demo", "b.demo"), "");
  assert.equal(await list("-H"), "1\t/any where\n");
});
