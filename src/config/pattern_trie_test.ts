/** The tree of components finds what looking at each pattern by itself finds. */
import assert from "node:assert/strict";
import fc from "fast-check";
import fnmatch from "../../tests/golden/fnmatch.json" with { type: "json" };
import { utf8Bytes } from "../model/mod.ts";
import { type Pattern, PatternList } from "./pattern.ts";

function both(patterns: readonly Pattern[], compare = false): (name: string) => void {
  const tree = new PatternList(patterns, { compare });
  const single = new PatternList(patterns, { compare, hasTree: false });
  return (name) => {
    const facts = (list: PatternList) => [list.matches(name), list.reachesBelow(name)];
    assert.deepEqual(facts(tree), facts(single), `${name}: ${JSON.stringify(patterns)}`);
  };
}

const COMPONENTS = ["*", "a", "b", "a*", "*b", "*a*", "ab", "a*b", "?", "[ab]", "\\*", "é", "\xff"];
const NAMES = ["a", "b", "ab", "abb", "ba", "*", "é", "\xff", ".a", "a.b"];

Deno.test("PatternList with its tree answers as without, for random patterns and names", () => {
  const path = (parts: readonly string[], most: number) =>
    fc.tuple(
      fc.constantFrom("/", "/", "/", "%p%/", "%p%"),
      fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: most }),
    ).map(([head, parts]) => head === "%p%" ? head : utf8Bytes(head + parts.join("/")));
  const base = fc.constantFrom("*~", "b", "a*", "?").map(utf8Bytes);
  const text = fc.oneof(
    { weight: 8, arbitrary: path(COMPONENTS, 4) },
    { weight: 1, arbitrary: path(["**", "a", "x**"], 3) },
    { weight: 1, arbitrary: base },
  );
  const kind = fc.constantFrom("include", "include", "exclude", "compare");
  const pattern = fc.record({ kind, text }) as fc.Arbitrary<Pattern>;
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 12 }),
      fc.array(path(NAMES, 5), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (patterns, names, compare) => {
        const same = both(patterns, compare);
        for (const name of ["/", "%p%", ...names]) same(name);
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("PatternList with its tree answers as without, for all golden patterns and names", () => {
  const rooted = (text: string) => utf8Bytes(/^[/%]/.test(text) ? text : `/${text}`);
  const names = [...new Set(fnmatch.cases.map(({ name }) => rooted(name)))];
  for (const pattern of new Set(fnmatch.cases.map(({ pattern }) => rooted(pattern)))) {
    const text = pattern.replace(/\/+$/, "") || "/";
    const same = both([{ kind: "include", text }]);
    for (const name of names) same(name.replace(/\/+$/, "") || "/");
  }
});

Deno.test("100,000 patterns with wildcards look at few of them for a name", () => {
  const patterns: Pattern[] = [{ kind: "include", text: "/data" }];
  for (let n = 0; n < 100_000; n++) {
    patterns.push({ kind: "exclude", text: `/data/*/name${n}.*` });
    patterns.push({ kind: "exclude", text: `/data/d${n}*/*` });
  }
  const list = new PatternList(patterns, { compare: false });
  assert.equal(list.matches("/data/x/name77.txt"), false);
  assert.equal(list.matches("/data/x/name100000.txt"), true);
  assert.equal(list.matches("/data/d5x/any"), false);
  assert.equal(list.matches("/data/e5x/any"), true);
});
