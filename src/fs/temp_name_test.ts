import { equal, ok } from "node:assert/strict";
import { isTempName, systemRandom, tempName } from "./temp_name.ts";

const zero = (bytes: Uint8Array) => void bytes.fill(0);
const make = (leaf: string) => tempName(leaf, systemRandom);

Deno.test("tempName() is .base.XXXXXX, without a second leading dot", () => {
  ok(/^\.hello\.txt\.[A-Za-z0-9]{6}$/.test(make("hello.txt")));
  ok(/^\.profile\.[A-Za-z0-9]{6}$/.test(make(".profile")));
  ok(/^\.\.x\.[A-Za-z0-9]{6}$/.test(make("..x")));
  equal(tempName("a", zero), tempName("a", zero));
});

Deno.test("tempName() cuts long names to 255 bytes, with no half character and no dot at the end", () => {
  const e = "\xc3\xa9", euro = "\xe2\x82\xac", smile = "\xf0\x9f\x98\x80";
  const cases: [string, string][] = [
    ["n".repeat(255), "n".repeat(247)],
    ["n".repeat(247), "n".repeat(247)],
    ["n".repeat(246) + e + "xx", "n".repeat(246)],
    ["n".repeat(245) + e + "xx", "n".repeat(245) + e],
    ["n".repeat(245) + euro + "x", "n".repeat(245)],
    ["n".repeat(244) + euro + "x", "n".repeat(244) + euro],
    ["n".repeat(244) + smile + "x", "n".repeat(244)],
    ["n".repeat(243) + smile + "x", "n".repeat(243) + smile],
    ["n".repeat(246) + ".xxxx", "n".repeat(246)],
    ["\x80".repeat(255), "\x80".repeat(247)],
    ["\xff".repeat(255), "\xff".repeat(247)],
  ];
  for (const [leaf, base] of cases) {
    const name = make(leaf);
    equal(name.slice(1, -7), base);
    ok(name.length <= 255);
    ok(isTempName(name));
  }
});

Deno.test("isTempName() knows every name we make", () => {
  for (const leaf of ["a", ".a", "a.b.c", "x\ny", "\xff\xfe", ".", "n".repeat(255), "..."]) {
    for (let i = 0; i < 50; i++) ok(isTempName(make(leaf)), leaf);
  }
});

Deno.test("isTempName() leaves names alone that only look like ours", () => {
  const users = [
    ".env.docker",
    ".env.github",
    ".bashrc.backup",
    ".gitlab.config",
    ".vimrc.sample",
    ".hello.txt.AbC123",
    "hello.txt.AbC123",
    ".x.abcde",
    ".x.abcdefg",
    "",
    ".",
    "..",
    ".abcdef",
  ];
  for (const name of users) equal(isTempName(name), false, name);
});

Deno.test("isTempName() does not take a name for ours that was cut from another file", () => {
  const name = make("F");
  equal(isTempName(name.replace("F", "G")), false);
});
