/** tests/golden/config-effects.json, and marks for one peer. */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { DIFFERENCES } from "../../tests/golden/differences.ts";
import golden from "../../tests/golden/config-effects.json" with { type: "json" };
import { ConfigError, encodePath, isUselessArgument } from "../config/mod.ts";
import { byteOrder, type DbName, type DiskPath, type HostName } from "../model/mod.ts";
import { marksFor } from "./marks.ts";

const differing = new Set(DIFFERENCES.map((d) => d.case));

interface GoldenCase {
  readonly name: string;
  readonly host: string;
  readonly config: string;
  readonly mark: string;
  readonly extra_args: readonly string[];
  readonly mark_rc: number;
  readonly mark_stderr: string;
  readonly dirty: readonly (readonly string[])[];
}

/** `csync2 -m MARK`, then `csync2 -M`. */
function compare(c: GoldenCase): void {
  const groupsAt = c.extra_args.indexOf("-G");
  const groups = groupsAt < 0 ? undefined : c.extra_args[groupsAt + 1]!.split(",");
  let rows: string[][] = [], stderr = "", rc = 0;
  try {
    const config = configOf(c.config, { host: c.host, ...(groups && { groups }) });
    const path = c.mark as DiskPath;
    if (isUselessArgument(config, path, false)) {
      stderr = `WARNING: Parameter will be ignored: ${path}\n`;
    }
    rows = marksFor(config, encodePath(config, path), { forced: c.extra_args.includes("-F") })
      .sort((a, b) => byteOrder(a.peer, b.peer))
      .map((mark) => [mark.forced ? "force" : "chary", mark.myName, mark.peer, mark.name]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    [rc, stderr] = [1, error.line];
  }
  assert.equal(rc, c.mark_rc);
  const recorded = c.mark_stderr.trimEnd();
  assert.equal(recorded === "" ? stderr : stderr.slice(0, recorded.length), recorded);
  assert.deepEqual(rows, c.dirty);
}

for (const c of golden.cases as GoldenCase[]) {
  Deno.test(`golden config-effects: ${c.name}`, () => {
    if (differing.has(`config-effects/${c.name}`)) {
      assert.throws(() => compare(c), assert.AssertionError, "no longer a difference");
    } else compare(c);
  });
}

const CONFIG = configOf(`
group one { host a.demo b.demo c.demo; key k; include /a; }
group two { host (a.demo@me) b.demo d.demo bb.demo; key k; include /a; }
`);
const NAME = "/a/f" as DbName;

function peersMarked(options: Omit<Parameters<typeof marksFor>[2], "forced">): string {
  return marksFor(CONFIG, NAME, { forced: false, ...options })
    .map(({ myName, peer }) => `${myName}>${peer}`).join(" ");
}

Deno.test("marksFor() restricts to exact names, never to parts of them (D 7.7.9)", () => {
  assert.equal(peersMarked({}), "me>b.demo me>d.demo me>bb.demo a.demo>c.demo");
  assert.equal(peersMarked({ onlyPeers: ["bb.demo"] }), "me>bb.demo");
  assert.equal(peersMarked({ onlyPeers: ["b.demo,c.demo"] }), "");
  assert.equal(peersMarked({ onlyPeers: [] }), "");
});

Deno.test("D 7.3.12 marks made on behalf of one peer reach only that peer", () => {
  assert.equal(peersMarked({ onBehalfOf: "c.demo" as HostName }), "a.demo>c.demo");
  assert.equal(peersMarked({ onBehalfOf: "b.demo" as HostName }), "me>b.demo");
  assert.equal(peersMarked({ onBehalfOf: "z.demo" as HostName }), "");
});

Deno.test("D 7.3.14 a slave marks its own changes, so that they are displayed", () => {
  const config = configOf("group g { host (a.demo) b.demo; key k; include /a; }");
  assert.deepEqual(marksFor(config, NAME, { forced: true }), [
    { name: NAME, forced: true, myName: "a.demo", peer: "b.demo" },
  ]);
});
