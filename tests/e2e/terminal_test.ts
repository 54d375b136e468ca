/** What the program does with a terminal, a pipe, and arguments that are no UTF-8. */
import assert from "node:assert/strict";
import { Cluster } from "../support/cluster.ts";
import { Surroundings } from "../golden/steps.ts";
import { ourWords } from "../support/program.ts";

const CONFIG = "group g { host a.demo b.demo; key demo.key; include @/a; }\n";

function sh(s: Surroundings, script: string): { code: number; stdout: string; stderr: string } {
  const own = ["-N", "a.demo", "-D", `${s.base}/db`];
  const { code, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", ...ourWords(), ...own],
    env: { CSYNC2_SYSTEM_DIR: `${s.base}/etc` },
    cwd: s.base,
  }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("an argument that is no UTF-8 names the file it means", async () => {
  await using s = new Surroundings();
  s.config(CONFIG.replace("@", s.base));
  const { code, stdout } = sh(
    s,
    `f=$(printf 'a/l\\351x'); : > "$f"; "$@" -c "$f" && "$@" -M`,
  );
  assert.equal(code, 0);
  assert.ok(stdout.endsWith(`\ta.demo\tb.demo\t${s.base}/a/l\xe9x\n`), stdout);
});

Deno.test("a reader that closes the pipe early ends nothing", async () => {
  await using s = new Surroundings();
  s.config(CONFIG.replace("@", s.base));
  for (let i = 0; i < 3_000; i++) Deno.writeTextFileSync(`${s.base}/a/file-${i}`, "");
  const { code, stdout, stderr } = sh(
    s,
    `"$@" -cIr / && { "$@" -L; echo "rc $?" >&2; } | head -n 1`,
  );
  assert.equal(code, 0);
  assert.equal(stdout.split("\n").length, 2);
  assert.equal(stderr, "rc 0\n");
});

Deno.test("a progress line is drawn on a terminal and not into a pipe", async () => {
  await using cluster = new Cluster({ nodes: { a: { kind: "ours" }, b: { kind: "ours" } } });
  cluster.change(
    "a",
    "for i in $(seq 1500); do echo $i > f$i; done; head -c 20000000 /dev/zero > big",
  );
  await cluster.start("b");
  await cluster.run("a", "-cr", "@");
  const piped = await cluster.run("a", "-u", "@");
  assert.deepEqual([piped.rc, piped.stderr, piped.stdout], [0, "", ""]);
  const seen = await cluster.runOnTerminal("a", "-u");
  assert.match(seen, /\rb\.demo: \d+\/\d+ files, [\d.]+ [kMG]?B, [\d.]+ [kMG]?B\/s\x1b\[K/);
  assert.ok(seen.endsWith("\r\x1b[K"), "the line is cleared at the end");
});
