/** Rows, evidence and claims together: what is proven, what fails, what is open (pure). */
import { DIFFERENCES } from "../golden/differences.ts";
import { type Claim, claimProblem, type SourceTexts } from "./claim.ts";
import { Derivation, type Evidence } from "./derived.ts";
import type { TestId } from "./golden_cases.ts";
import { type Run, testKey, type Verdict } from "./results.ts";
import { type Row, rowId } from "./row.ts";

export type Status = "pass" | "fail" | "open";

export interface LedgerRow {
  readonly row: Row;
  readonly status: Status;
  readonly tests: readonly (TestId & { readonly verdict: Verdict | "not run" })[];
  /** Why and how we differ on purpose. */
  readonly differs?: string;
}

export interface Ledger {
  readonly rows: readonly LedgerRow[];
  /** One line for each thing that keeps the ledger from being complete. */
  readonly problems: readonly string[];
}

export interface LedgerInput {
  readonly rows: readonly Row[];
  readonly claims: readonly Claim[];
  readonly run: Run;
  readonly sources: SourceTexts;
}

export function makeLedger({ rows, claims, run, sources }: LedgerInput): Ledger {
  const derivation = new Derivation(run.tests.values());
  const byId = new Map(rows.map((row) => [rowId(row), row]));
  const problems = run.missing.map((group) => `group ${group}: it has no results`);
  for (const claim of claims) {
    const problem = claimProblem(claim, { row: byId.get(claim.row), run, sources });
    if (problem !== undefined) problems.push(problem);
  }
  const ledger = rows.map((row) => {
    const own = claims.filter((claim) => claim.row === rowId(row));
    return ledgerRow(row, { own, derived: derivation.evidence(row), derivation, run });
  });
  for (const { row, status, tests } of ledger) {
    if (status === "open") problems.push(`${rowId(row)}: no test proves it`);
    for (const test of tests) {
      if (test.verdict !== "pass") problems.push(`${test.verdict}: ${testKey(test)}`);
    }
  }
  return { rows: ledger, problems: [...new Set(problems)] };
}

interface Parts {
  readonly own: readonly Claim[];
  readonly derived: readonly Evidence[];
  readonly derivation: Derivation;
  readonly run: Run;
}

function ledgerRow(row: Row, { own, derived, derivation, run }: Parts): LedgerRow {
  const claimed = own.map(({ file, test }): TestId => ({ file, name: test }));
  const reason = derived.find((e) => e.differs !== undefined)?.differs;
  // What the C program said and we do not: our own behaviour is in the tests of that section, unless a
  // claim names those that are about it.
  const numbered = reason === undefined || own.length > 0
    ? []
    : reason.split(", ").flatMap((number) => derivation.numbered(number));
  const differs = own.find((c) => c.differs !== undefined)?.differs ??
    (reason === undefined ? undefined : reasonText(derived));
  const tests = uniqueTests([...claimed, ...numbered, ...derived.map((e) => e.test)])
    .map((test) => ({
      ...test,
      verdict: run.tests.get(testKey(test))?.verdict ?? "not run" as const,
    }));
  const isProven = tests.some(({ verdict }) => verdict === "pass");
  const status = tests.some(({ verdict }) => verdict === "fail")
    ? "fail"
    : isProven
    ? "pass"
    : "open";
  return { row, status, tests, ...(differs !== undefined && { differs }) };
}

/** The words of the table of differences for the first case that differs. */
function reasonText(derived: readonly Evidence[]): string {
  const { differs } = derived.find((e) => e.differs !== undefined)!;
  const why = DIFFERENCES.find(({ spec }) => spec === differs)?.why ?? "";
  return `${why} (${differs})`;
}

function uniqueTests(tests: readonly TestId[]): TestId[] {
  return [...new Map(tests.map((test) => [testKey(test), test])).values()];
}
