/** No line of the specifications is forgotten: how many rows each part gives, and what is left out. */
import assert from "node:assert/strict";
import { type Kind, merged, type Row, rowId, shortened } from "./row.ts";
import { allRows } from "./rows.ts";
import { exitRows, forms } from "./rows_cli.ts";
import { defectRows } from "./rows_defects.ts";
import { catalogue, messageRows, staleExceptions } from "./rows_messages.ts";
import { forgottenReplies, replyRows } from "./rows_wire.ts";
import { codeSpans, section, sections, specText, tableRows } from "./spec_text.ts";

const COUNTS: Readonly<Record<Kind, number>> = {
  option: 22,
  mode: 19,
  "exit code": 14,
  keyword: 35,
  "database value": 9,
  table: 5,
  message: 142,
  "wire command": 31,
  reply: 32,
  feature: 28,
  defect: 121,
};

Deno.test("allRows() has every part of the specifications, each row once", () => {
  const rows = allRows();
  const counts = Object.fromEntries(
    Object.keys(COUNTS).map((kind) => [kind, rows.filter((row) => row.kind === kind).length]),
  );
  assert.deepEqual(counts, COUNTS);
  assert.equal(new Set(rows.map(rowId)).size, rows.length);
});

Deno.test("what is left out by name is in the specification, and no reply is forgotten", () => {
  assert.deepEqual(staleExceptions(specText("D")), []);
  const wire = specText("W");
  assert.deepEqual(forgottenReplies(wire, new Set(replyRows(wire).map((row) => row.text))), []);
});

const SPEC = `# title
## 1. One
Text with \`code\` and \`\`Can not open \`%s': %s\`\`.

| a | b |
|---|---|
| \`-x\` | first |
| \`-y FD\`, \`-O[FILE]\` | second |
no row
### 1.2 Two
\`A message of two
lines: %s\` and \`Not one\`.
## 8. Three
\`ERROR: Connection to \`%s' failed.\` (0), \`Won 'one' test.\`, the same with \`'two'\`
`;

Deno.test("sections(), tableRows() and codeSpans() read a specification", () => {
  assert.deepEqual(sections(SPEC).map((s) => s.number), ["1", "1.2", "8"]);
  assert.deepEqual(tableRows(section(SPEC, "1")), [["`-x`", "first"], [
    "`-y FD`, `-O[FILE]`",
    "second",
  ]]);
  assert.deepEqual(codeSpans(section(SPEC, "1")).slice(0, 2), ["code", "Can not open `%s': %s"]);
  assert.throws(() => section(SPEC, "9"), /No section 9/);
  assert.throws(() => tableRows(section(SPEC, "1.2")), /No table 0/);
});

Deno.test("a message that is added to a specification is a row", () => {
  const texts = messageRows(SPEC.replace("## 1.", "## 2.").replace("### 1.2", "### 4.5"))
    .map((row) => row.text);
  assert.deepEqual(texts, [
    "Can not open `%s': %s",
    "A message of two lines: %s",
    "Not one",
    "ERROR: Connection to `%s' failed.",
    "Won 'one' test.",
    "Won 'two' test.",
  ]);
  assert.deepEqual(catalogue("`Won 'x' test.` and `SSL`"), ["Won 'x' test."]);
});

Deno.test("forms() tells options with a value from those without", () => {
  assert.deepEqual(forms("`-y FD`, `-O[FILE]`, `-v`, `-u PATH x`"), [
    { letter: "y", takesValue: true },
    { letter: "O", takesValue: false },
    { letter: "v", takesValue: false },
  ]);
});

Deno.test("exitRows() has a row for each code and reason", () => {
  const table = "|c|w|\n|---|---|\n| x | y |\n\nand\n\n|c|w|\n|---|---|\n" +
    "| 2 | and no errors: `-H -L` printed nothing; `-T` in sync. Also a directory |\n";
  assert.deepEqual(
    exitRows(`## 4.3 Modes\n\n${table}`).map((row) => row.text),
    ["2 `-H` printed nothing", "2 `-L` printed nothing", "2 `-T` in sync", "2 a directory"],
  );
});

Deno.test("defectRows() numbers the entries of a chapter and of its parts", () => {
  const text =
    "## 7. Defects\n### 7.1 First\n1. one\n   goes on\n2. two\n### 7.2 Second\n1. three\n" +
    "## 8. Else\n1. no\n";
  assert.deepEqual(
    defectRows("D", text).map((row) => [row.text, row.about]),
    [["D 7.1.1", "one goes on"], ["D 7.1.2", "two"], ["D 7.2.1", "three"]],
  );
});

Deno.test("merged() keeps one row for each text, with all its sections", () => {
  const row = (source: string): Row => ({ kind: "message", text: "x", source });
  assert.deepEqual(merged([row("D 1"), row("D 8"), row("D 8")]), [row("D 1, D 8")]);
  assert.equal(shortened("a ".repeat(100)).length < 100, true);
});
