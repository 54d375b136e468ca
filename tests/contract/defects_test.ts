/**
 * Every entry of "Defects not to copy" in both specifications has a test that is named after its number.
 */
import assert from "node:assert/strict";
import { ROOT } from "../support/program.ts";

/** Entries without a test so far: what they wait for. A row goes when the test comes. */
const POSTPONED: Readonly<Record<string, string>> = {
  "D 7.1.13": "warnings about a suspicious configuration need the mode that checks one",
  "D 7.2.11": "creating parents that no group includes is a new option",
  "D 7.3.2": "the guard against mass deletion comes with the watch daemon",
  "D 7.3.17": "staying on one file system is a new option",
  "D 7.4.9": "lists as JSON are a new form; the plain one is kept",
  "D 7.6.1": "MySQL is not supported yet",
  "D 7.6.3": "PostgreSQL is not supported yet",
  "D 7.6.4": "PostgreSQL is not supported yet",
  "D 7.6.6": "PostgreSQL is not supported yet",
};

interface Chapter {
  readonly file: string;
  /** Heading of the chapter, and of what follows it. */
  readonly from: RegExp;
  readonly to: RegExp;
  /** In front of the number of an entry; a sub-heading replaces it. */
  readonly prefix: string;
  readonly count: number;
}

const CHAPTERS: readonly Chapter[] = [
  { file: "wire-protocol", from: /^## 20\. /m, to: /^## 21\. /m, prefix: "W 20", count: 33 },
  { file: "config-cli-db", from: /^## 7\. /m, to: /^## 8\. /m, prefix: "D 7", count: 88 },
];

/** Numbers of the entries: lines that begin with `N. ` below `### S.T` or the chapter itself. */
function entriesOf({ file, from, to, prefix }: Chapter): string[] {
  const text = Deno.readTextFileSync(`${ROOT}docs/spec/${file}.md`);
  const chapter = text.slice(text.search(from), text.search(to));
  let above = prefix;
  const found: string[] = [];
  for (const line of chapter.split("\n")) {
    const section = /^### (\d+\.\d+) /.exec(line)?.[1];
    if (section !== undefined) above = `${prefix.split(" ")[0]} ${section}`;
    const number = /^(\d+)\. /.exec(line)?.[1];
    if (number !== undefined) found.push(`${above}.${number}`);
  }
  return found;
}

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

const entries = CHAPTERS.flatMap(entriesOf);
const names = testNames();

function isNamed(entry: string): boolean {
  const number = new RegExp(`${entry.replaceAll(".", "\\.")}(?!\\d|\\.\\d)`);
  return names.some((name) => number.test(name));
}

Deno.test("both chapters of defects are found whole", () => {
  for (const chapter of CHAPTERS) assert.equal(entriesOf(chapter).length, chapter.count);
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
