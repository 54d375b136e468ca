/** What a test run did: the JUnit files that scripts/test.ts lets each group write. */
import { ROOT } from "../support/program.ts";

/** Where the results of the last whole run are; one file for each group. */
export const RESULTS_DIR = `${ROOT}dist/test-results`;

export type Verdict = "pass" | "fail" | "left out";

export interface TestResult {
  /** From the root of the project: `tests/golden/steps_test.ts`. */
  readonly file: string;
  /** As the runner shows it: a step is `test > step`; control characters are escaped. */
  readonly name: string;
  /** Where the test is registered, from 1. */
  readonly line: number;
  readonly verdict: Verdict;
}

const CASE =
  /<testcase name="([^"]*)" classname="([^"]*)" time="[^"]*"(?: line="(\d+)")?[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** Tests of one JUnit file. @throws when it has another number of them than it says */
export function readJunit(xml: string): TestResult[] {
  const found = [...xml.matchAll(CASE)].map(([, name, file, line, inner = ""]): TestResult => ({
    // A module that another one imports with a query (complete_test.ts) can be shown by that address.
    file: unescape(file!).replace(/^\.\//, "").replace(/\?.*$/, ""),
    name: unescape(name!),
    line: Number(line ?? 0),
    verdict: /<(?:failure|error)[ >]/.test(inner)
      ? "fail"
      : inner.includes("<skipped")
      ? "left out"
      : "pass",
  }));
  const said = Number(/<testsuites [^>]*tests="(\d+)"/.exec(xml)?.[1] ?? NaN);
  if (found.length !== said) {
    throw new Error(`The results say ${said} tests and hold ${found.length}`);
  }
  return found;
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (all, dec, hex, word) =>
      dec !== undefined
        ? String.fromCodePoint(Number(dec))
        : hex !== undefined
        ? String.fromCodePoint(parseInt(hex, 16))
        : ENTITIES[word] ?? all,
  );
}

/** A name as the runner writes it: control characters as escapes, all else as it is. */
export function shownName(name: string): string {
  const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return name.replace(
    /[\x00-\x1f\x7f]/g,
    (c) => short[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

export interface Run {
  /** Key of `testKey`; a name that several tests of a file share passes when all do. */
  readonly tests: ReadonlyMap<string, TestResult>;
  /** Groups that have no results. */
  readonly missing: readonly string[];
}

export function testKey({ file, name }: { readonly file: string; readonly name: string }): string {
  return `${file} > ${name}`;
}

const WORST: readonly Verdict[] = ["pass", "left out", "fail"];

export function runOf(results: readonly TestResult[], missing: readonly string[] = []): Run {
  const tests = new Map<string, TestResult>();
  for (const result of results) {
    const known = tests.get(testKey(result));
    const isWorse = known === undefined ||
      WORST.indexOf(result.verdict) > WORST.indexOf(known.verdict);
    if (isWorse) tests.set(testKey(result), result);
  }
  return { tests, missing };
}

/** Reads the results of the named groups. */
export function readRun(groups: readonly string[], dir = RESULTS_DIR): Run {
  const results: TestResult[] = [];
  const missing: string[] = [];
  for (const group of groups) {
    let xml: string;
    try {
      xml = Deno.readTextFileSync(`${dir}/${group}.xml`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing.push(group);
      continue;
    }
    results.push(...readJunit(xml));
  }
  return runOf(results, missing);
}
