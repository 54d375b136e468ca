/**
 * Every entry of "Defects not to copy" in both specifications has a test that is named after its number.
 * This looks at the sources only; that these tests pass is what the ledger tells (tests/parity).
 */
import assert from "node:assert/strict";
import { defectRows } from "../parity/rows_defects.ts";
import { specText } from "../parity/spec_text.ts";
import { ROOT } from "../support/program.ts";

/** Entries without a test so far: what they wait for. A row goes when the test comes. */
const POSTPONED: Readonly<Record<string, string>> = {};

function* testFiles(dir: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    if (isDirectory) yield* testFiles(`${dir}/${name}`);
    else if (name.endsWith("_test.ts")) yield `${dir}/${name}`;
  }
}

/** First lines of all calls that define a test: the name is the first thing behind the bracket. */
function testNames(): string[] {
  return ["src", "tests"].flatMap((dir) => [...testFiles(ROOT + dir)]).flatMap((file) =>
    [...Deno.readTextFileSync(file).matchAll(/^\s*(?:Deno\.)?test\(\s*(["`].*)$/gm)]
      .map(([, name = ""]) => name)
  );
}

const entries = (["W", "D"] as const).flatMap((spec) => defectRows(spec, specText(spec)))
  .map(({ text }) => text);
const names = testNames();

function isNamed(entry: string): boolean {
  const number = new RegExp(`${entry.replaceAll(".", "\\.")}(?!\\d|\\.\\d)`);
  return names.some((name) => number.test(name));
}

Deno.test("both chapters of defects are found whole", () => {
  const count = (spec: string) => entries.filter((entry) => entry.startsWith(spec)).length;
  assert.deepEqual([count("W 20."), count("D 7.")], [33, 88]);
  assert.equal(new Set(entries).size, entries.length);
});

Deno.test("every defect has a test named after its number, or a reason why not yet", () => {
  const missing = entries.filter((entry) => !isNamed(entry) && POSTPONED[entry] === undefined);
  assert.deepEqual(missing, []);
});

Deno.test("no defect is postponed that has a test or does not exist", () => {
  const stale = Object.keys(POSTPONED).filter((e) => isNamed(e) || !entries.includes(e));
  assert.deepEqual(stale, []);
});
