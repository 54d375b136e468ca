/** Lines one by one and many at once. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { scripted } from "../../tests/support/script_link.ts";
import type { Duplex } from "./duplex.ts";

const LIMIT = 8;

/** A connection on which these pieces come. */
function receiving(...pieces: readonly string[]): Duplex {
  return scripted(pieces.map((bytes) => ({ after: 0, bytes }))).duplex;
}

/** Everything that comes, and how it ends. */
async function gather(read: () => Promise<readonly string[] | undefined>): Promise<string[]> {
  const found: string[] = [];
  try {
    while (true) {
      const lines = await read();
      if (lines === undefined) return [...found, "end"];
      found.push(...lines);
    }
  } catch (error) {
    return [...found, (error as { code?: string }).code ?? String(error)];
  }
}

Deno.test("readLines() gives the lines that readLine() gives, however they arrive", async () => {
  const text = fc.array(
    fc.constantFrom("\n", "v", "vv\n", "w\n", "vabcde\n", "vabcdef\n", "v1\n"),
    {
      maxLength: 20,
    },
  );
  await fc.assert(fc.asyncProperty(text, async (pieces) => {
    const whole = pieces.join("");
    for (const arriving of [pieces, [whole], [...whole]]) {
      const lines = receiving(...arriving.filter((piece) => piece !== ""));
      const single = receiving(...arriving.filter((piece) => piece !== ""));
      const wanted = await gather(async () => {
        const line = await single.readLine(LIMIT);
        return line === undefined ? undefined : [line];
      });
      const found = await gather(() => lines.readLines(LIMIT, "v"));
      assert.equal(found.at(-1), wanted.at(-1));
      // A line that is too long takes with it those that came in one piece with it.
      if (found.at(-1) !== "net/line-too-long") assert.deepEqual(found, wanted);
    }
  }));
});

Deno.test("readLines() leaves what follows a line that begins otherwise", async () => {
  await using duplex = receiving("v1\nv2\nOK\nv3\nv4", "\nv5\nx\ny\n");
  assert.deepEqual(await duplex.readLines(LIMIT, "v"), ["v1", "v2", "OK"]);
  assert.equal(duplex.pending, 5);
  assert.deepEqual(await duplex.readLines(LIMIT, "v"), ["v3"]);
  assert.deepEqual(await duplex.readLines(LIMIT, "v"), ["v4", "v5", "x"]);
  assert.equal(await duplex.readLine(LIMIT), "y");
  assert.equal(await duplex.readLines(LIMIT, "v"), undefined);
});

Deno.test("readLines() has the limits and ends of readLine()", async () => {
  for (
    const [pieces, want] of [
      [["v23456\n"], ["v23456", "end"]],
      [["v234567\n"], ["v234567", "end"]],
      [["v2345678\n"], ["net/line-too-long"]],
      [["v2345", "678\n"], ["net/line-too-long"]],
      [["v2345678"], ["net/line-too-long"]],
      [["v1\nOK\nv2345678\n"], ["v1", "OK", "net/line-too-long"]],
      [["v1\nv"], ["v1", "v", "end"]],
      [["v1\nvv"], ["v1", "net/truncated"]],
      [[], ["end"]],
    ] as const
  ) {
    const duplex = receiving(...pieces);
    assert.deepEqual(await gather(() => duplex.readLines(LIMIT, "v")), want, pieces.join("|"));
  }
});
