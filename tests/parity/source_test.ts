/** Templates of messages, command lines and sources of tests. */
import assert from "node:assert/strict";
import { commandLine, modeOf } from "./command_line.ts";
import { declarationSource, enclosingSource, testSource } from "./source.ts";
import { isTelling, lineOf, within } from "./template.ts";

Deno.test("lineOf() matches whole lines, and only the message", () => {
  assert.match("Marking file as dirty: /a b", lineOf("Marking file as dirty: %s"));
  assert.doesNotMatch("x Marking file as dirty: /a", lineOf("Marking file as dirty: %s"));
  assert.doesNotMatch("Marking file as dirty: ", lineOf("Marking file as dirty: %s"));
  assert.doesNotMatch("Connection closed. Twice", lineOf("Connection closed."));
  assert.match("Local> BYE", lineOf("Local> …"));
  assert.match("Finished with 3 errors.", lineOf("Finished with %d errors."));
  assert.doesNotMatch("Finished with no errors.", lineOf("Finished with %d errors."));
  assert.match("a (b) in [c]", lineOf("%s (%s) in [%s]"));
  assert.match("source: `Peer (1) said: x` here", within("Peer (%d) said: %s"));
});

Deno.test("isTelling() is false for what would match anything", () => {
  for (const text of ["%s", "%s: %s", '"%s: %-15s %s"', "SQL: %s", "… …"]) {
    assert.equal(isTelling(text), false, text);
  }
  assert.ok(isTelling("%s in scandir: %s (%s)"));
});

Deno.test("commandLine() reads as getopt does, with the values of the specification", () => {
  const { letters, values, args } = commandLine([
    "-cIr",
    "/a",
    "-p31865",
    "-C",
    "x",
    "-Ofile",
    "b",
  ]);
  assert.deepEqual([letters, args], ["cIrpCO", ["/a", "b"]]);
  assert.deepEqual([...values], [["p", "31865"], ["C", "x"]]);
  const modes = [["-cu"], ["-c", "-u"], ["-TTT"], ["-k", "f"], ["-v"], ["-iii"]];
  assert.deepEqual(modes.map((words) => modeOf(commandLine(words))), [
    "-cu",
    "-cu",
    "-TT",
    "-k",
    "",
    "-iii",
  ]);
});

const FILE = `const TABLE = [
  { name: "row" },
];

function helper(text: string) {
  return text;
}

function test(name: string) {
  Deno.test(name, () => {});
}

Deno.test("first", () => {
  helper("a");
});

Deno.test(
  "second, with a long name",
  () => {
    helper("b");

    helper("c");
  },
);
for (const { name } of TABLE) {
  Deno.test(\`x \${name}\`, () => helper("d"));
}

test("third", "e");
test("fourth", "f");
Deno.test({
  name: "fifth",
  fn: () => helper("g"),
});
`;
const lineWith = (text: string) => FILE.split("\n").findIndex((line) => line.includes(text)) + 1;

Deno.test("testSource() is the test and nothing else", () => {
  const source = (name: string, line: string) => testSource(FILE, { name, line: lineWith(line) });
  assert.equal(source("first", '"first"'), 'Deno.test("first", () => {\n  helper("a");\n});');
  const second = source("second, with a long name", "Deno.test(\n");
  assert.ok(!second.includes('helper("d")'), second);
  const multi = testSource(FILE, {
    name: "second, with a long name",
    line: lineWith("second, with a long name") - 1,
  });
  assert.ok(multi.startsWith("Deno.test(\n") && multi.endsWith(");"), multi);
  assert.ok(multi.includes('helper("b")') && multi.includes('helper("c")'));
  const looped = source("x row", "`x ");
  assert.ok(looped.includes('helper("d")') && !looped.includes("TABLE"), looped);
  // Made by a function of the file: the call with the name counts.
  assert.equal(source("fourth", "Deno.test(name"), 'test("fourth", "f");');
  assert.ok(source("fifth", "Deno.test({").includes('helper("g")'));
});

Deno.test("enclosingSource() and declarationSource() give what a test is made of", () => {
  const around = enclosingSource(FILE, { name: "x row", line: lineWith("`x ") });
  assert.ok(around.startsWith("for (") && around.endsWith("}"), around);
  assert.equal(declarationSource(FILE, "TABLE"), 'const TABLE = [\n  { name: "row" },\n];');
  assert.ok(declarationSource(FILE, "helper")?.includes("return text"));
  assert.equal(declarationSource(FILE, "TABL"), undefined);
});
