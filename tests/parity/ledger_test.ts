/** The ledger tells what is not proven: rows without a test, tests that fail, are gone or show nothing. */
import assert from "node:assert/strict";
import { ROOT } from "../support/program.ts";
import type { Claim } from "./claim.ts";
import { CLAIMS } from "./claims/mod.ts";
import { makeLedger } from "./ledger.ts";
import { render } from "./render.ts";
import { runOf, type Verdict } from "./results.ts";
import type { Row } from "./row.ts";

const FILE = "tests/made_up_test.ts";
const SOURCE = `Deno.test("prints it", () => {
  assert.match(stderr, /A made-up message: \\d/);
});
Deno.test("D 7.99.1 is a defect", () => {
});
`;
const MESSAGE: Row = { kind: "message", text: "A made-up message: %s", source: "D 8" };
const DEFECT: Row = { kind: "defect", text: "D 7.99.1", source: "D 7.99" };
const CLAIM: Claim = { row: "message: A made-up message: %s", file: FILE, test: "prints it" };

interface Given {
  readonly rows?: readonly Row[];
  readonly claims?: readonly Claim[];
  readonly verdicts?: Readonly<Record<string, Verdict>>;
}

function ledger({ rows = [MESSAGE], claims = [CLAIM], verdicts = { "prints it": "pass" } }: Given) {
  const lines = SOURCE.split("\n");
  const results = Object.entries(verdicts).map(([name, verdict]) => ({
    file: FILE,
    name,
    line: lines.findIndex((line) => line.includes(`"${name}"`)) + 1,
    verdict,
  }));
  const sources = { read: () => SOURCE, recording: () => undefined };
  return makeLedger({ rows, claims, run: runOf(results), sources });
}

Deno.test("a row with a claimed test that passed is proven", () => {
  const { rows, problems } = ledger({});
  assert.deepEqual(problems, []);
  assert.equal(rows[0]!.status, "pass");
});

Deno.test("a row without a test is open, and a problem", () => {
  const { rows, problems } = ledger({ claims: [] });
  assert.equal(rows[0]!.status, "open");
  assert.deepEqual(problems, ["message: A made-up message: %s: no test proves it"]);
});

Deno.test("a test that failed or was left out proves nothing", () => {
  const failed = ledger({ verdicts: { "prints it": "fail" } });
  assert.equal(failed.rows[0]!.status, "fail");
  assert.deepEqual(failed.problems, [`fail: ${FILE} > prints it`]);
  const leftOut = ledger({ verdicts: { "prints it": "left out" } });
  assert.equal(leftOut.rows[0]!.status, "open");
  assert.equal(leftOut.problems.length, 2);
});

Deno.test("a test that is gone is noticed", () => {
  const { rows, problems } = ledger({ verdicts: {} });
  assert.equal(rows[0]!.status, "open");
  assert.ok(problems.some((text) => text.endsWith("no such test has run")), problems.join());
});

Deno.test("a claim must be shown by the source of its test", () => {
  const problem = (more: Partial<Claim>) => ledger({ claims: [{ ...CLAIM, ...more }] }).problems[0];
  assert.equal(problem({}), undefined);
  assert.match(problem({ shows: "something else" })!, /its source does not have something else/);
  assert.match(problem({ by: "TABLE" })!, /the file declares no TABLE/);
  assert.match(problem({ row: "message: No such row" })!, /the specification has no such row/);
  const other: Row = { ...MESSAGE, text: "Another message: %s" };
  const { problems } = ledger({
    rows: [other],
    claims: [{ ...CLAIM, row: "message: Another message: %s" }],
  });
  assert.match(problems[0]!, /its source does not have message: Another message/);
});

Deno.test("a defect is proven by a test that has its number, and by no other number", () => {
  const passed = { "D 7.99.1 is a defect": "pass" } as const;
  assert.equal(ledger({ rows: [DEFECT], claims: [], verdicts: passed }).rows[0]!.status, "pass");
  const longer = { "D 7.99.11 is another": "pass", "XD 7.99.1 neither": "pass" } as const;
  assert.equal(ledger({ rows: [DEFECT], claims: [], verdicts: longer }).rows[0]!.status, "open");
});

Deno.test("a message is proven by the golden cases that must print it", () => {
  const row: Row = { kind: "message", text: "Never run -R with -G!", source: "D 4.2" };
  const { rows, problems } = ledger({ rows: [row], claims: [], verdicts: {} });
  assert.ok(rows[0]!.tests.some(({ name }) => name === "golden check-flows: -R with -G"));
  assert.ok(
    problems.includes("not run: tests/golden/steps_test.ts > golden check-flows: -R with -G"),
  );
  const differing: Row = { ...row, text: "Can't open timestanp file `%s': %s" };
  const [found] = ledger({ rows: [differing], claims: [], verdicts: {} }).rows;
  assert.match(found!.differs!, /^spelling.*\(D 7\.1\.8\)$/);
});

Deno.test("a claim's difference is told in the page, and the page stays the same", () => {
  const claims = [{ ...CLAIM, differs: "we say | less" }];
  const page = render(ledger({ claims }));
  assert.ok(
    page.includes("| `A made-up message: %s` | D 8 | *differs: we say \\| less*<br>`prints it`"),
  );
  assert.ok(page.includes(`${FILE} | PASS |`));
  assert.equal(render(ledger({ claims })), page);
});

Deno.test("the page does not depend on the order in which tests ran; what failed is always named", () => {
  const names = ["a", "b", "c", "d", "e"].map((name) => `D 7.99.1 ${name}`);
  const page = (order: readonly string[], verdict: Verdict = "pass") => {
    const verdicts = Object.fromEntries(order.map((n): [string, Verdict] => [n, "pass"]));
    return render(
      ledger({ rows: [DEFECT], claims: [], verdicts: { ...verdicts, "D 7.99.1 e": verdict } }),
    );
  };
  assert.equal(page(names), page([...names].reverse()));
  assert.ok(page(names).includes("and 2 more") && !page(names).includes("`D 7.99.1 e`"));
  assert.ok(page(names, "fail").includes(`\`D 7.99.1 e\` ${FILE} **fail**`));
});

Deno.test("a group without results is a problem", () => {
  const sources = { read: () => "", recording: () => undefined };
  const { problems } = makeLedger({ rows: [], claims: [], run: runOf([], ["golden"]), sources });
  assert.deepEqual(problems, ["group golden: it has no results"]);
});

Deno.test("the README has the number of every difference that a claim tells", () => {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`).replace(/\s+/g, " ");
  const numbers = CLAIMS.flatMap(({ differs = "" }) => differs.match(/[DW] \d+(?:\.\d+)*/g) ?? []);
  assert.ok(numbers.length > 10);
  assert.deepEqual(numbers.filter((number) => !readme.includes(number)), []);
  assert.ok(readme.includes("tests/parity.md"), "where the other differing texts are");
});
