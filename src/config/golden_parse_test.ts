/** tests/golden/config-parse.json, run against files on the disk. */
import assert from "node:assert/strict";
import { relative } from "node:path";
import golden from "../../tests/golden/config-parse.json" with { type: "json" };
import { DIFFERENCES } from "../../tests/golden/differences.ts";
import { utf8Bytes } from "../model/mod.ts";
import { ConfigError } from "./config_error.ts";
import { loadConfig } from "./load.ts";

const RECORDED_BASE = "/tmp/csync2-demo2";
const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._\n";
const differing = new Set(DIFFERENCES.map((d) => d.case));

interface GoldenCase {
  readonly name: string;
  readonly host?: string;
  readonly config: string;
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly prefix_lines?: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What our program would put out: every error ends it with 1, an empty `-M` with 2. */
function answer(c: GoldenCase): { rc: number; stderr: string; prefixLines: string[] } {
  const base = Deno.makeTempDirSync({ prefix: "csync2-config-" });
  try {
    const here = (text: string) => text.replaceAll(RECORDED_BASE, base);
    Deno.mkdirSync(`${base}/inc`);
    const files = { "etc/demo.key": KEY, "etc/csync2.cfg": c.config, ...c.files };
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(`${base}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      // Recorded in the base directory, run wherever the tests are run.
      const moved = here(text ?? "").replace("config inc/", `config ${relative(".", base)}/inc/`);
      Deno.writeTextFileSync(`${base}/${path}`, moved, { mode: 0o600 });
    }
    const prefixLines: string[] = [];
    const onNote = (level: number, text: string) => {
      if (level === 2 && text.startsWith("Prefix ")) prefixLines.push(text);
    };
    try {
      const hostName = c.host ?? "a.demo";
      loadConfig({ systemDir: `${base}/etc`, configName: "", hostName, onNote });
      return { rc: 2, stderr: "", prefixLines };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { rc: 1, stderr: error.line.replaceAll(base, RECORDED_BASE), prefixLines };
    }
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

function compare(c: GoldenCase): void {
  const { rc, stderr, prefixLines } = answer(c);
  assert.equal(rc, c.rc, stderr);
  if (c.prefix_lines !== undefined) assert.deepEqual(prefixLines, c.prefix_lines);
  const recorded = c.stderr.trimEnd();
  if (recorded === "") assert.equal(stderr, "");
  assert.equal(stderr.slice(0, recorded.length), recorded, stderr);
  assert.equal("", c.stdout); // the C program echoes newlines of config statements (D 7.1.6)
}

for (const c of golden.cases as GoldenCase[]) {
  Deno.test(`golden config-parse: ${c.name}`, () => {
    if (differing.has(`config-parse/${c.name}`)) {
      assert.throws(() => compare(c), assert.AssertionError, "no longer a difference");
    } else compare(c);
  });
}

Deno.test("D 7.1.12 neither statements nor blocks nor words have a limit", () => {
  const group = "group g { host a.demo; key demo.key;";
  const texts: Record<string, (count: number) => string> = {
    "statements in one group block after host and key": (n) =>
      `${group}\n${"include /x;\n".repeat(n)}}\n`,
    "top-level blocks before one group": (n) => `${"nossl a b;\n".repeat(n)}${group} }\n`,
    "words in one ignore statement": (n) => `ignore ${"uid ".repeat(n)};\n${group} }\n`,
    "patterns in one include statement": (n) => `${group} include ${"/x ".repeat(n)}; }\n`,
  };
  for (const { what, count } of golden.size_limits) {
    const config = utf8Bytes(texts[what]!(count));
    assert.equal(answer({ name: what, config, rc: 2, stdout: "", stderr: "" }).rc, 2, what);
  }
});
