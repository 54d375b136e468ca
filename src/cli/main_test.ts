/** The program's frame: what is said when a command line means nothing. */
import assert from "node:assert/strict";
import type { Host } from "./host.ts";
import { main } from "./main.ts";
import { LineWriter } from "./output.ts";
import { USAGE } from "./usage.ts";

/** Both streams as one, in the order of writing. */
async function run(args: readonly string[], { isTerminal }: { isTerminal: boolean }) {
  let screen = "";
  const writer = (bufferBytes?: number) =>
    new LineWriter({
      writeSync: (bytes) => {
        screen += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    }, bufferBytes);
  const host: Host = {
    args,
    env: (name) => name === "CSYNC2_SYSTEM_DIR" ? "/nonexistent" : undefined,
    stdout: writer(),
    stderr: writer(0),
    isTerminal,
    columns: () => 80,
    now: () => new Date(0),
    pid: 1,
    signal: new AbortController().signal,
    endGently: () => {},
  };
  return { rc: await main(host), screen };
}

const REASON = "csync2: invalid option -- '--nonsense'\n";

Deno.test("D 7.4.8 wrong usage gets its reason first", async () => {
  const { rc, screen } = await run(["-x", "--nonsense"], { isTerminal: false });
  assert.deepEqual([rc, screen], [1, REASON + USAGE]);
});

Deno.test("D 7.4.8 on a terminal the reason stands below the usage, which is longer than a screen", async () => {
  const { rc, screen } = await run(["-x", "--nonsense"], { isTerminal: true });
  assert.deepEqual([rc, screen], [1, USAGE + REASON]);
});
