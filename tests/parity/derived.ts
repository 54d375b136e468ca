/** Evidence that nobody has to write down: golden cases, transcripts, and numbers in the names of tests. */
import { answeredByUs } from "../golden/server_differs.ts";
import { readTranscript, transcriptNames } from "../support/transcript.ts";
import { type CommandLine, commandLine, modeOf } from "./command_line.ts";
import {
  type GoldenEvidence,
  goldenEvidence,
  type GoldenRun,
  type TestId,
} from "./golden_cases.ts";
import { testKey, type TestResult } from "./results.ts";
import type { Row } from "./row.ts";
import { isTelling, lineOf } from "./template.ts";

/** So many different options has a command line that is about each of them. */
const MOST_OPTIONS = 5;

export interface Evidence {
  readonly test: TestId;
  /** Section that is the reason when the test proves that we differ. */
  readonly differs?: string;
}

/** What finds the evidence for a row; made once for all rows. */
export class Derivation {
  readonly #golden: GoldenEvidence = goldenEvidence();
  readonly #lines = new Map<GoldenRun, CommandLine>(
    this.#golden.runs.map((run) => [run, commandLine(run.args)]),
  );
  readonly #transcripts = transcriptEvidence();
  readonly #numbers: ReadonlyMap<string, TestId[]>;

  constructor(results: Iterable<TestResult>) {
    this.#numbers = numbered(results);
  }

  evidence(row: Row): Evidence[] {
    switch (row.kind) {
      case "option":
        return this.#runs((run) => this.#isOption(run, row.text.slice(1)));
      case "mode":
        return this.#runs((run) =>
          run.expected!.stdout !== "@USAGE@" && modeOf(this.#lines.get(run)!) === row.text
        );
      case "exit code":
        return this.#runs((run) => isExit(row.text, run, this.#lines.get(run)!));
      case "keyword":
        return this.#runs((run) => !isOnlyParsed(run) && hasKeyword(run.config, row.text));
      case "database value":
        return this.#runs((run) => databaseValue(run, this.#lines.get(run)!) === row.text);
      case "table":
        return this.#golden.tables.filter(({ table }) => table === row.text)
          .map(({ test }) => ({ test }));
      case "message":
        return this.#messages(row.text);
      case "wire command":
      case "reply":
        return (this.#transcripts.get(`${row.kind}: ${row.text}`) ?? []).map((test) => ({ test }));
      case "defect":
        return (this.#numbers.get(row.text) ?? []).map((test) => ({ test }));
      case "feature":
        return [];
    }
  }

  /** Tests that have a number of the specification in their name. */
  numbered(number: string): readonly TestId[] {
    return this.#numbers.get(number) ?? [];
  }

  #runs(isProof: (run: GoldenRun) => boolean): Evidence[] {
    return unique(
      this.#golden.runs.filter((run) => run.expected !== undefined && isProof(run))
        .map(({ test }) => ({ test })),
    );
  }

  #isOption(run: GoldenRun, letter: string): boolean {
    if (run.expected!.stdout === "@USAGE@") return false;
    if (letter === "N" && run.host !== "a.demo") return true; // the surroundings give -N
    const { letters } = this.#lines.get(run)!;
    // A case that piles up options shows only that all of them are accepted.
    return letters.includes(letter) && new Set(letters).size <= MOST_OPTIONS;
  }

  /** Runs that must say it; where there is none, those in which only the C program did. */
  #messages(template: string): Evidence[] {
    if (!isTelling(template)) return [];
    const line = lineOf(template);
    const says = (text: string) => text.split("\n").some((each) => line.test(each));
    const said = ({ stdout, stderr }: { stdout: string; stderr: string }) =>
      says(stdout) || says(stderr);
    const same = this.#runs((run) => said(run.expected!));
    if (same.length > 0) return same;
    return unique(
      this.#golden.runs.filter((run) => run.why !== undefined && said(run.recorded))
        .map(({ test, why }) => ({ test, differs: why! })),
    );
  }
}

function unique(evidence: readonly Evidence[]): Evidence[] {
  const byTest = new Map(evidence.map((e) => [`${e.test.file} > ${e.test.name}`, e]));
  return [...byTest.values()];
}

const EXITS: readonly [RegExp, (run: GoldenRun, line: CommandLine) => boolean][] = [
  [
    /^0 done/,
    ({ expected: e }, line) => e!.rc === 0 && modeOf(line) !== "-T" && line.letters !== "",
  ],
  [
    /^0 `-T`/,
    ({ expected: e }, line) => e!.rc === 0 && modeOf(line) === "-T" && /^[LRX]\t/.test(e!.stdout),
  ],
  [/^1 usage$/, ({ expected: e }) => e!.rc === 1 && e!.stdout === "@USAGE@"],
  [
    /^1 fatal error$/,
    ({ expected: e }) =>
      e!.rc === 1 && e!.stdout === "" && /^(?:Config error|Can|Invalid|This host)/.test(e!.stderr),
  ],
  [/^1 error count/, ({ expected: e }) => e!.rc === 1 && /^Finished with [1-9]/m.test(e!.stderr)],
  [/^2 `-[HLMS]` printed nothing$/, () => false], // made below, one for each mode
  [
    /^2 `-T` found/,
    ({ expected: e }, line) => e!.rc === 2 && modeOf(line) === "-T" && e!.stdout === "",
  ],
];

function isExit(text: string, run: GoldenRun, line: CommandLine): boolean {
  const listed = /^2 `(-[HLMS])` printed nothing$/.exec(text)?.[1];
  if (listed !== undefined) {
    return run.expected!.rc === 2 && run.expected!.stdout === "" && modeOf(line) === listed;
  }
  return EXITS.find(([row]) => row.test(text))?.[1](run, line) ?? false;
}

/** A case that only reads the configuration proves nothing about what a statement does. */
function isOnlyParsed({ test }: GoldenRun): boolean {
  return test.name.startsWith("golden config-parse/");
}

function hasKeyword(config: string, words: string): boolean {
  const text = words.replaceAll("-", "\\-").replace(" ", "\\s+");
  return new RegExp(`(?:^|[\\s;{}])${text}(?=[\\s;{(])`).test(config);
}

const DATABASE_VALUES: readonly [RegExp, string][] = [
  [/^$/, "empty"],
  [/^\//, "begins with `/`"],
  [/^sqlite3?:\/\//, "`sqlite://P`, `sqlite3://P`"],
  [/^sqlite2:/, "`sqlite2://P`"],
  [/^mysql:/, "`mysql://[USER[:PASS]@]HOST[:PORT]/[DB]`"],
  [/^mariadb:/, "`mariadb://`"],
  [/^pgsql:/, "`pgsql://[USER[:PASS]@]HOST[:PORT]/[DB]`"],
  [/:\/\//, "other `X://`"],
  [/^/, "no `://` and not `/…`"],
];

/** The row of D 5.1 that a case of `database_argument` is about. */
function databaseValue({ test, config }: GoldenRun, { values }: CommandLine): string | undefined {
  if (!test.name.includes("cli/database_argument")) return undefined;
  const value = values.get("D") ?? /^database "(.*)";$/.exec(config)?.[1] ?? "";
  return DATABASE_VALUES.find(([start]) => start.test(value))![1];
}

const TRANSCRIPTS = "tests/golden/transcripts_test.ts";

/** `wire command: SIG` and `reply: ...` -> tests in which our server hears the one or says the other. */
function transcriptEvidence(): Map<string, TestId[]> {
  const found = new Map<string, TestId[]>();
  for (const file of transcriptNames()) {
    const { name, connections } = readTranscript(file);
    const test = { file: TRANSCRIPTS, name: `serveConnection() answers like ${name}` };
    const keys = new Set<string>();
    for (const exchange of connections.flatMap((c) => answeredByUs(file.slice(0, 2), c))) {
      keys.add(`wire command: ${exchange.word.toUpperCase()}`);
      if (exchange.delta !== undefined) keys.add("wire command: octet-stream");
      if (exchange.isAborted) keys.add("wire command: ERROR");
      for (const line of `${exchange.before}${exchange.after}`.split("\n")) {
        keys.add(`reply: ${line.replace(/^Dear [\d.]+,/, "Dear <address>,")}`);
      }
    }
    for (const key of keys) found.set(key, [...found.get(key) ?? [], test]);
  }
  return found;
}

/** Number of a section or defect -> tests that have it in their name. */
function numbered(results: Iterable<TestResult>): Map<string, TestId[]> {
  const found = new Map<string, TestId[]>();
  // Groups that run in parallel have another order each time.
  for (const { file, name } of [...results].sort(byKey)) {
    const [test = "", ...steps] = name.split(" > ");
    for (const number of numbersIn(steps.length === 0 ? test : steps.at(-1)!)) {
      if (steps.length > 0 && numbersIn(test).includes(number)) continue; // the test stands for it
      found.set(number, [...found.get(number) ?? [], { file, name }]);
    }
  }
  return found;
}

function byKey(a: TestResult, b: TestResult): number {
  return testKey(a) < testKey(b) ? -1 : 1;
}

function numbersIn(name: string): string[] {
  return [...new Set([...name.matchAll(/\b[DW] \d+(?:\.\d+)*/g)].map(([number]) => number))];
}
