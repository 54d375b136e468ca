/**
 * `-L -M -H -S -T -o` put out, byte by byte, what the C program puts out: on every database and tree that
 * the golden cases come by, both programs list one after the other.
 */
import assert from "node:assert/strict";
import { DEVIATIONS } from "../golden/deviations.ts";
import { execute, load, type RunResult, type Step, Surroundings } from "../golden/steps.ts";

/** Not `actions`: there the C program runs what is left over, in lists too (D 7.7.4). */
const FILES = ["check-flows", "listing", "sync", "fork-2.1.1"] as const;
const LISTS: Readonly<Record<string, readonly string[]>> = {
  "-L": [],
  "-M": [],
  "-H": [],
  "-S": ["a.demo", "b.demo"],
};
const C_PROGRAM = "/usr/sbin/csync2";

/** Where the C program does not list what the two databases hold: section and reason. */
const WRONG: Readonly<Record<string, string>> = {
  "sync/-T with names that sort differently when decoded#9": "D 7.4.4: compares in two orders",
  "sync/-x#17": "D 7.3.4: a C client's own records have no targets, so our server tells it none",
};

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A list, and nothing else. */
function isList({ op, args }: Step): boolean {
  return op === "run" && /^-([LMHST]|o|or|ro)$/.test((args as string[])[0] ?? "");
}

for (const file of FILES) {
  for (const { name, steps } of load<{ cases: Case[] }>(file).cases) {
    if (!steps.some(isList)) continue;
    Deno.test(`lists of ${file}: ${name}: byte-identical to the C program's`, async () => {
      await using s = new Surroundings();
      const program = C_PROGRAM;
      for (const [at, step] of steps.entries()) {
        const id = `${file}/${name}#${at}`;
        const ours = DEVIATIONS[id];
        await execute(s, step, ours); // what ours puts out is the recording, or the deviation
        if (!isList(step) || id in WRONG) continue;
        const host = (step.host as string | undefined) ?? "a.demo";
        const { cwd, env } = step as { cwd?: string; env?: Record<string, string> };
        const c = await s.run(step.args as string[], {
          host,
          program,
          ...(cwd !== undefined && { cwd }),
          ...(env !== undefined && { env }),
        });
        const { rc, stdout } = { ...step as unknown as RunResult, ...ours };
        assert.deepEqual([rc, stdout], [c.rc, c.stdout], id);
      }
      for (const [mode, names] of Object.entries(LISTS)) {
        const args = [mode, ...names];
        assert.deepEqual(await s.run(args), await s.run(args, { program }), mode);
      }
    });
  }
}

/** Steps of these modes whose output on standard output differs from the recording, and why. */
const DIFFERING: Readonly<Record<string, string>> = {
  "check-flows/-m#13": "-m has left the force flag in the row (D 7.3.8)",
  "check-flows/-f#14": "the check has left the force flag in the row (D 7.3.8)",
  "check-flows/prefix no longer declared#7": "-R has removed the row (D 7.1.16)",
  "sync/-TT on equal files, links, directories, binary files#18":
    "the records have the targets of links (D 7.3.4)",
  "sync/-T with names that sort differently when decoded#9":
    "rows that are the same on both sides are no differences (D 7.4.4)",
  "sync/dry run#16": "the dry run has left the rows (D 7.4.1)",
  "sync/dry run#20": "the dry run has left the rows (D 7.4.1)",
  "sync/defect: a missing parent directory at one peer marks the tree for all hosts of the group#12":
    "the parent was marked for one peer only (D 7.3.12)",
  "sync/-u and -x with paths below a prefix (defect: nothing is sent)#8":
    "the file has been sent (D 7.3.7)",
  "fork-2.1.1/time stamps are nanoseconds#4": "a database of our own counts seconds (D 7.3.5)",
  "fork-2.1.1/-P restricts marking, by substring and with case#3": "marked for all (D 7.7.9)",
  "fork-2.1.1/-P restricts marking, by substring and with case#5": "marked for all (D 7.7.9)",
  "fork-2.1.1/-P restricts marking, by substring and with case#8": "marked for all (D 7.7.9)",
  "fork-2.1.1/-b with a dry run keeps dirty rows, without -b they are cleared#10":
    "the dry run has left the rows (D 7.4.1)",
};

Deno.test("lists differ from the recordings where the rows do, nowhere in how rows are shown", () => {
  const found: Record<string, string | undefined> = {};
  for (const file of ["check-flows", "listing", "actions", "sync", "fork-2.1.1"]) {
    for (const { name, steps } of load<{ cases: Case[] }>(file).cases) {
      for (const [at, step] of steps.entries()) {
        const id = `${file}/${name}#${at}`;
        const { stdout } = DEVIATIONS[id] ?? {};
        if (isList(step) && stdout !== undefined) found[id] = DEVIATIONS[id]!.why;
      }
    }
  }
  assert.deepEqual(Object.keys(found).sort(), Object.keys(DIFFERING).sort());
  for (const [id, why] of Object.entries(found)) assert.ok(DIFFERING[id]!.includes(`(${why})`), id);
});
