/** A program that is killed at any moment of replacing a file. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { isTempName, openJail } from "../../src/fs/mod.ts";
import { Died, diesAt } from "../support/fault.ts";
import { type Tree, tree } from "../support/tree.ts";

function replace(made: Tree): void {
  using jail = openJail();
  const { dir, leaf } = jail.parentOf(made.at("D/F"));
  using held = dir;
  using temp = held.createTemp(leaf);
  temp.write(new TextEncoder().encode("new"));
  temp.setOwner(1, 2);
  temp.setMode(0o640);
  temp.setTime(5n);
  temp.sync();
  temp.installAs(leaf);
  held.sync();
}

Deno.test("killed at any call: the old file or the new one, and what else is there is known as ours", async () => {
  const seen = new Set<string>();
  for (let n = 0, reached = true; reached; n++) {
    using made = tree({ "D/F": "old" });
    const run = await diesAt(n, () => replace(made));
    reached = run.reached;
    const { "D/": _, "D/F": content, ...rest } = made.read();
    ok(content === "old" || content === "new", `${content} after call ${n}`);
    seen.add(content);
    const others = Object.keys(rest);
    ok(others.length <= 1 && others.every((name) => isTempName(name.slice("D/".length))));
    if (content === "new") {
      deepEqual(others, []);
      const entry = made.entry("D/F");
      ok(entry.kind === "reg");
      deepEqual([entry.meta.uid, entry.meta.gid, entry.meta.mode & 0o7777, entry.meta.mtime], [
        1,
        2,
        0o640,
        5n,
      ]);
    }
    equal(run.error !== undefined, reached);
    if (reached) ok(rootCause(run.error) instanceof Died);
  }
  deepEqual([...seen].sort(), ["new", "old"]);
});

/** Disposing throws too once a program is dead. */
function rootCause(error: unknown): unknown {
  return error instanceof SuppressedError ? rootCause(error.suppressed) : error;
}
