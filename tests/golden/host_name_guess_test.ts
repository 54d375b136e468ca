/**
 * The 2.1.1 fork's guess of the own name, as recorded, and what ours does instead (D 6, D 7.1.17). All
 * names of the recordings are addresses of the loopback, so most of them are ambiguous here.
 */
import assert from "node:assert/strict";
import { DEVIATIONS } from "./deviations.ts";
import { DIFFERENCES } from "./differences.ts";
import { load, type RunResult, sameRun, Surroundings } from "./steps.ts";

interface GuessCase extends RunResult {
  readonly name: string;
  readonly config: string;
  readonly host_option: string | null;
  readonly args: string[];
  readonly database_files: string[];
}

const NODE = Deno.hostname().toLowerCase();

/** The recorded tree, the case's configuration, and its command without a -N of our own. */
async function run(s: Surroundings, c: Pick<GuessCase, "config" | "host_option" | "args">) {
  Deno.mkdirSync(`${s.base}/a/x`, { recursive: true });
  Deno.writeTextFileSync(`${s.base}/a/x/1`, "1");
  s.config(c.config);
  const own = c.host_option === null ? [] : ["-N", c.host_option];
  const got = await s.run([...own, "-D", `${s.base}/db`, ...c.args], { bare: true });
  const files = [...Deno.readDirSync(`${s.base}/db`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".db3"));
  const named = (text: string) => text.replaceAll(NODE, "NODENAME");
  return { got: { ...got, stderr: named(got.stderr) }, files: files.map(named) };
}

/** Only our program: the recordings are of another one than CSYNC2_PROGRAM names. */
const ignore = Deno.env.get("CSYNC2_PROGRAM") !== undefined;

const { host_name_guess: cases } = load<{ host_name_guess: GuessCase[] }>("fork-2.1.1");
for (const c of cases) {
  const id = `fork-2.1.1/host_name_guess: ${c.name}`;
  Deno.test({
    name: `golden ${id}`,
    ignore,
    async fn() {
      await using s = new Surroundings();
      const { got, files } = await run(s, c);
      const ours = DEVIATIONS[id];
      assert.equal(ours !== undefined, DIFFERENCES.some((d) => d.case === id));
      sameRun(got, c, ours);
      assert.deepEqual(files, ours?.rc === 1 ? [] : c.database_files);
    },
  });
}

const FIRST = cases[0]!;
const elsewhere = (config: string) => config.replace("b.demo", "198.51.100.1");

Deno.test({
  name:
    "golden D 7.1.17: with one host here the fork's line is ours, and the name holds everywhere",
  ignore,
  async fn() {
    await using s = new Surroundings();
    const { got, files } = await run(s, { ...FIRST, config: elsewhere(FIRST.config) });
    assert.deepEqual(got, { rc: FIRST.rc, stdout: FIRST.stdout, stderr: FIRST.stderr });
    assert.deepEqual(files, ["a.demo.db3"]);
    const prefixed = cases.find((c) => c.name.startsWith("prefixes"))!;
    await using t = new Surroundings();
    const under = await run(t, { ...prefixed, config: elsewhere(prefixed.config) });
    assert.deepEqual(under.files, ["a.demo.db3"]);
    // The path of `on a.demo`; the fork took that of `on *`.
    const marks = ["%p%", "%p%/x", "%p%/x/1"].map((name) => `Marking file as dirty: ${name}\n`);
    assert.equal(
      under.got.stderr,
      `My hostname guessed as: a.demo\n${
        marks.join("")
      }Connection closed.\nFinished with 0 errors.\n`,
    );
  },
});

Deno.test({
  name: "golden D 7.1.17: several hosts here are all listed, and none is taken",
  ignore,
  async fn() {
    await using s = new Surroundings();
    const { got } = await run(s, FIRST);
    assert.equal(
      got.stderr,
      "This host (NODENAME) is not a member of any configured group. (" +
        `${s.recorded(s.base)}/etc/csync2.cfg: more than one of its hosts has an address of this ` +
        "machine: a.demo (127.2.2.1, of this machine), b.demo (127.2.2.2, of this machine); say with " +
        "-N which one it is)\n",
    );
  },
});
