/**
 * The parity ledger: `deno task parity` writes tests/parity.md from the results of the last whole test
 * run (and runs the tests first where there are none); `--check` writes nothing, and fails when a row has
 * no test, a test did not pass, or the page in the tree is another one.
 */
import { CLAIMS } from "../tests/parity/claims/mod.ts";
import { Sources } from "../tests/parity/claim.ts";
import { type Ledger, makeLedger } from "../tests/parity/ledger.ts";
import { render } from "../tests/parity/render.ts";
import { readRun, RESULTS_DIR } from "../tests/parity/results.ts";
import { allRows } from "../tests/parity/rows.ts";
import { ROOT } from "../tests/support/program.ts";
import { groupsOfRun } from "./test_groups.ts";

const PAGE = `${ROOT}tests/parity.md`;

function ledgerOf(dir: string): Ledger {
  const run = readRun(groupsOfRun(), dir);
  return makeLedger({ rows: allRows(), claims: CLAIMS, run, sources: new Sources() });
}

async function runTests(): Promise<void> {
  console.error("No complete results of a test run: running the tests");
  const args = ["run", "-A", "--no-prompt", `${ROOT}scripts/test.ts`];
  await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).spawn()
    .status; // what failed is in the results
}

function* sources(dir: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    if (isDirectory) yield* sources(`${dir}/${name}`);
    else if (name.endsWith(".ts")) yield `${dir}/${name}`;
  }
}

/** Says which sources are newer than the results: what they tell may be another thing by now. */
function warnOfOldResults(dir: string): void {
  const time = (path: string) => Deno.statSync(path).mtime!.getTime();
  const oldest = Math.min(
    ...[...Deno.readDirSync(dir)].filter(({ name }) => name.endsWith(".xml"))
      .map(({ name }) => time(`${dir}/${name}`)),
  );
  const newer = ["src", "tests"].flatMap((part) => [...sources(ROOT + part)])
    .filter((path) => time(path) > oldest);
  if (newer.length === 0) return;
  const [one] = newer.map((path) => path.slice(ROOT.length)).sort();
  console.error(`WARNING: ${newer.length} files are newer than the results, ${one} for example`);
}

/** What is wrong with the page in the tree; nothing when it is what would be written. */
function pageProblems(text: string): string[] {
  const now = Deno.readTextFileSync(PAGE);
  return now === text ? [] : ["tests/parity.md is not what these results give: deno task parity"];
}

function tell({ rows, problems }: Ledger, more: readonly string[]): number {
  const all = [...problems, ...more];
  for (const problem of all) console.error(problem);
  const proven = rows.filter(({ status }) => status === "pass").length;
  console.log(`parity: ${proven} of ${rows.length} rows proven, ${all.length} problems`);
  return all.length === 0 ? 0 : 1;
}

async function main(words: readonly string[]): Promise<number> {
  const isCheck = words[0] === "--check";
  const [dir = RESULTS_DIR, ...rest] = isCheck ? words.slice(1) : words;
  if (rest.length > 0 || dir.startsWith("-")) {
    throw new Error("usage: deno task parity [--check] [folder of results]");
  }
  if (!isCheck && readRun(groupsOfRun(), dir).missing.length > 0 && dir === RESULTS_DIR) {
    await runTests();
  }
  warnOfOldResults(dir);
  const ledger = ledgerOf(dir);
  const text = render(ledger);
  if (isCheck) return tell(ledger, pageProblems(text));
  Deno.writeTextFileSync(PAGE, text);
  return tell(ledger, []);
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(2);
}
