import assert from "node:assert/strict";
import { dbName } from "../model/mod.ts";
import { walkOrder } from "./walk_order.ts";

/** The order of the C program: a recursive walk, entries in descending byte order. */
function walked(names: readonly string[]): string[] {
  const children = (dir: string) => {
    const top = dir === "/" ? "/" : `${dir}/`;
    return names.filter((n) => n.startsWith(top) && n !== dir && !n.slice(top.length).includes("/"))
      .sort((a, b) => a < b ? 1 : -1);
  };
  const visit = (dir: string): string[] => [dir, ...children(dir).flatMap(visit)];
  return visit(names[0]!);
}

Deno.test("walkOrder() sorts as the C program walks", () => {
  const trees = [
    ["/", "/a", "/a/x", "/a/x/1", "/a/x/2", "/a/x.y", "/a/x-z", "/a/x0", "/b", "/a b", "/a\xff"],
    ["%p%", "%p%/x", "%p%/x/é", "%p%/x/ ", "%p%/x /1", "%p%/x "],
  ];
  for (const names of trees) {
    for (let turn = 0; turn < names.length; turn++) {
      const turned = [...names.slice(turn), ...names.slice(0, turn)].map(dbName);
      assert.deepEqual(turned.sort(walkOrder), walked(names));
    }
  }
});
