/** Results of a test run as the runner writes them. */
import assert from "node:assert/strict";
import { readJunit, readRun, runOf, shownName } from "./results.ts";

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="1" errors="0" time="0.019">
    <testsuite name="./b_test.ts" tests="4" disabled="1" errors="0" failures="1">
        <testcase name="ok &amp; &lt;x&gt; &quot;q&quot;" classname="./src/b_test.ts" time="0.002" line="2" col="6">
        </testcase>
        <testcase name="left out" classname="./src/b_test.ts" time="0.000" line="3" col="6">
            <skipped/>
        </testcase>
        <testcase name="fails" classname="./src/b_test.ts" time="0.000" line="4" col="6">
            <failure message="x">&lt;testcase name=&quot;no test&quot;</failure>
        </testcase>
        <testcase name="fails &gt; a step" classname="./src/b_test.ts" time="0.000" line="5" col="6">
        </testcase>
    </testsuite>
</testsuites>
`;

Deno.test("readJunit() reads names, lines and verdicts", () => {
  const file = "src/b_test.ts";
  assert.deepEqual(readJunit(XML), [
    { file, name: 'ok & <x> "q"', line: 2, verdict: "pass" },
    { file, name: "left out", line: 3, verdict: "left out" },
    { file, name: "fails", line: 4, verdict: "fail" },
    { file, name: "fails > a step", line: 5, verdict: "pass" },
  ]);
  assert.throws(() => readJunit(XML.replace('tests="4"', 'tests="5"')), /say 5 tests and hold 4/);
  assert.throws(() => readJunit(""), /NaN/);
});

Deno.test("what the runner really writes is what readJunit() reads, odd names included", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const names = [
      'a "b" <c> & d',
      "nl \n tab \t ctrl \x01",
      "back\\slash",
      "ü €",
      "fails",
      "skipped",
    ];
    const file = `${dir}/odd_test.ts`;
    await Deno.writeTextFile(
      file,
      `for (const name of ${JSON.stringify(names)}) {
         Deno.test({ name, ignore: name === "skipped", fn() { if (name === "fails") throw 1; } });
       }`,
    );
    await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-config", "--junit-path", `${dir}/group.xml`, file],
      cwd: dir,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "null",
    }).output();
    const { tests, missing } = readRun(["group", "other"], dir);
    assert.deepEqual(missing, ["other"]);
    const verdicts = [...tests.values()].map(({ name, verdict }) => [name, verdict]);
    assert.deepEqual(
      verdicts,
      names.map((name) => [
        shownName(name),
        name === "fails" ? "fail" : name === "skipped" ? "left out" : "pass",
      ]),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("runOf() takes the worst of tests with one name", () => {
  const of = (verdict: "pass" | "fail" | "left out") => ({
    file: "f",
    name: "n",
    line: 1,
    verdict,
  });
  const verdict = (...all: Parameters<typeof of>[0][]) =>
    runOf(all.map(of)).tests.get("f > n")!.verdict;
  assert.equal(verdict("pass", "pass"), "pass");
  assert.equal(verdict("pass", "fail", "left out"), "fail");
  assert.equal(verdict("left out", "pass"), "left out");
});
