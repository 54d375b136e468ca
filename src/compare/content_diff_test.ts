import assert from "node:assert/strict";
import { contentDiff } from "./content_diff.ts";
import { toBytes } from "../model/mod.ts";

const LABELS = { theirs: "b:/f", ours: "a:/f" };

/** What `diff -Nus` prints for the two contents. */
function gnuDiff(there: string, here: string): string {
  const dir = Deno.makeTempDirSync({ prefix: "csync-diff-" });
  try {
    Deno.writeFileSync(`${dir}/there`, toBytes(there));
    Deno.writeFileSync(`${dir}/here`, toBytes(here));
    const labels = ["--label", LABELS.theirs, "--label", LABELS.ours];
    const { stdout } = new Deno.Command("diff", {
      args: ["-Nus", ...labels, `${dir}/there`, `${dir}/here`],
      env: { LC_ALL: "C" },
    }).outputSync();
    return new TextDecoder("latin1").decode(stdout);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `line ${from + at}\n`).join("");

const CASES: [string, string, string][] = [
  ["nothing there", "", "two\n"],
  ["nothing here", "b\n", ""],
  ["one line", "remote\n", "local\n"],
  ["equal", "same\n", "same\n"],
  ["both empty", "", ""],
  ["no newline at the end there", "a\nb", "a\nb\n"],
  ["no newline at the end here", "a\nb\n", "a\nb"],
  ["no newline on both sides", "a\nx", "a\ny"],
  ["no newline, change before it", "x\na", "y\na"],
  ["binary", "x\0y", "x\0z"],
  ["binary equal", "x\0y", "x\0y"],
  ["binary on one side", "text\n", "x\0z"],
  ["two hunks", lines(0, 30), lines(0, 3) + "new\n" + lines(3, 25) + lines(26, 30)],
  ["hunks that touch", lines(0, 20), `${lines(0, 4)}x\n${lines(5, 11)}y\n${lines(12, 20)}`],
  ["insertion at the start", lines(0, 5), "first\n" + lines(0, 5)],
  ["removal at the end", lines(0, 9), lines(0, 8)],
  ["insertion at the end", lines(0, 9), lines(0, 10)],
  ["CRLF", "a\r\nb\r\n", "a\r\nc\r\n"],
  ["only the line ends differ", "a\r\nb\r\n", "a\nb\n"],
  ["bytes that are no UTF-8", "\xe9\n\xff\n", "\xe9\n\xfe\n"],
  ["blank lines", "\n\n\na\n", "\n\na\n"],
  ["tabs and backslashes", "\t\\ No newline\n", "\t\\ no newline\n"],
];

for (const [name, there, here] of CASES) {
  Deno.test(`contentDiff() prints what diff does: ${name}`, async () => {
    const { lines, differs } = await contentDiff({ there, here, ...LABELS });
    assert.equal(lines.map((line) => `${line}\n`).join(""), gnuDiff(there, here));
    assert.equal(differs, there !== here);
  });
}

Deno.test("contentDiff() of contents without a common line ends and is right", async () => {
  const there = Array.from({ length: 40_000 }, (_, at) => `old ${at * 7919 % 40_009}\n`).join("");
  const here = Array.from({ length: 40_000 }, (_, at) => `new ${at * 104_729 % 40_009}\n`).join("");
  const { lines } = await contentDiff({ there, here, ...LABELS });
  assert.equal(lines.filter((line) => line.startsWith("-old")).length, 40_000);
  assert.equal(lines.filter((line) => line.startsWith("+new")).length, 40_000);
  assert.equal(lines[2], "@@ -1,40000 +1,40000 @@");
});
