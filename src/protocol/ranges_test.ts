import assert from "node:assert/strict";
import { areBounds, BOUND_MAX_BYTES, RANGES_MAX } from "./ranges.ts";

Deno.test("areBounds() takes encoded names in ascending order, as many as are allowed", () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => `/${10_000 + n}`);
  const longest = "/".padEnd(BOUND_MAX_BYTES, "a");
  for (
    const good of [["%", "0"], ["/a", "/a/b"], many(RANGES_MAX + 1), ["/\xfe", "/\xff"], [
      "%",
      longest,
    ]]
  ) {
    assert.equal(areBounds(good), true);
  }
  const bad = [
    [],
    ["/a"],
    ["/a", "/a"],
    ["/b", "/a"],
    ["", "/a"],
    ["/a", "/b\0"],
    ["/a", "/b c"],
    ["/a", "/b\n"],
    ["/a", "/b\x7f"],
    ["/a", `${longest}a`],
    many(RANGES_MAX + 2),
  ];
  for (const bounds of bad) assert.equal(areBounds(bounds), false, JSON.stringify(bounds));
});
