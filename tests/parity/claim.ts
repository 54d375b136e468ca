/**
 * Claims: rows of which nobody but a person can say which test proves them. Each is held against the
 * source of the test, which must contain what the row is about.
 */
import { ROOT } from "../support/program.ts";
import { goldenEvidence, recordings, type TestId } from "./golden_cases.ts";
import { type Row, rowId } from "./row.ts";
import { type Run, testKey } from "./results.ts";
import { declarationSource, enclosingSource, testSource } from "./source.ts";
import { isTelling, within } from "./template.ts";

export interface Claim {
  /** `kind: text` of the row. */
  readonly row: string;
  readonly file: string;
  /** Name of the test, as the runner shows it. */
  readonly test: string;
  /** Text in the source of the test that shows the matter, where it is not the text of the row. */
  readonly shows?: string;
  /** A constant or function of the same file that the test uses and in which the text is. */
  readonly by?: string;
  /** Why the test proves the row although its source has neither text. */
  readonly because?: string;
  /** What we do instead of the C programs, on purpose; the test proves that. */
  readonly differs?: string;
}

/** All claims for the tests of one file: rows -> test names and details. */
export function claims(
  file: string,
  list: readonly (readonly [row: string, test: string, more?: Partial<Claim>])[],
): Claim[] {
  return list.map(([row, test, more]) => ({ row, file, test, ...more }));
}

/** Where claims are looked up: source files of tests, and recordings that tests replay. */
export interface SourceTexts {
  read(file: string): string;
  /** What a test replays; undefined when it has no recording. */
  recording(test: TestId): string | undefined;
}

/** Those of the tree, read once. */
export class Sources implements SourceTexts {
  readonly #texts = new Map<string, string>();
  readonly #recordings = recordings(goldenEvidence());

  read(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) this.#texts.set(file, text = Deno.readTextFileSync(ROOT + file));
    return text;
  }

  recording(test: TestId): string | undefined {
    const transcript = /^(?:serveConnection\(\) answers|connectPeer\(\) speaks) like (\S+)$/
      .exec(test.name)?.[1];
    if (transcript === undefined) return this.#recordings.get(testKey(test));
    return this.read(`tests/golden/transcripts/${transcript}.txt`);
  }
}

/** What is wrong with a claim; undefined when its test exists and shows what it is to show. */
export function claimProblem(
  claim: Claim,
  { row, run, sources }: { row: Row | undefined; run: Run; sources: SourceTexts },
): string | undefined {
  const where = `${claim.row}: "${claim.test}" of ${claim.file}`;
  if (row === undefined) return `${where}: the specification has no such row`;
  const result = run.tests.get(testKey({ file: claim.file, name: claim.test }));
  if (result === undefined) return `${where}: no such test has run`;
  const text = sources.read(claim.file);
  const recording = sources.recording({ file: claim.file, name: claim.test }) ?? "";
  const around = enclosingSource(text, result);
  let source = `${testSource(text, result)}\n${recording}`;
  if (around.startsWith("for (")) source += around; // the table that the test is made of
  if (claim.by !== undefined) {
    const declared = declarationSource(text, claim.by);
    if (declared === undefined) return `${where}: the file declares no ${claim.by}`;
    if (!around.includes(claim.by)) {
      return `${where}: the test does not use ${claim.by}`;
    }
    source += declared;
  }
  if (claim.because !== undefined) return undefined;
  const isShown = claim.shows !== undefined
    ? source.includes(claim.shows)
    : shows(row, source.replaceAll("\\", ""));
  return isShown ? undefined : `${where}: its source does not have ${claim.shows ?? rowId(row)}`;
}

/** Whether a test's source (without backslashes) has the text of a row. */
export function shows({ kind, text }: Row, source: string): boolean {
  switch (kind) {
    case "option":
      return new RegExp(`["'\`\\s]-[A-Za-z]*${text.slice(1)}`).test(source);
    case "mode":
      return new RegExp(`["'\`\\s]-[A-Za-z]*${text.slice(1)}`).test(source);
    case "keyword":
      return new RegExp(`(?:^|[\\s;{}"'\`])${text}(?=[\\s;{("'\`])`).test(source);
    case "wire command":
      return new RegExp(`\\b${text}\\b`).test(source);
    case "table":
      return new RegExp(`(?:from|into|update) ${text}\\b`).test(source);
    case "message":
    case "reply":
      return isTelling(text) && within(text).test(source);
    case "exit code":
    case "database value":
    case "feature":
    case "defect":
      return false; // say what shows it
  }
}
