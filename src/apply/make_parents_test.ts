import assert from "node:assert/strict";
import { openJail } from "../fs/mod.ts";
import { directory, link, tree } from "../../tests/support/tree.ts";
import { makeParents } from "./make_parents.ts";

Deno.test("D 7.2.11 makeParents() makes what is missing, like the directory above", () => {
  using t = tree({ "top/": directory({ mode: 0o3777, uid: 12, gid: 34 }) });
  using jail = openJail();
  const made = makeParents(jail, t.at("top/a/b/file"));
  assert.deepEqual(made, [t.at("top/a"), t.at("top/a/b")]);
  for (const name of ["top/a", "top/a/b"]) {
    const entry = t.entry(name);
    assert.ok(entry.kind === "dir");
    const { mode, uid, gid } = entry.meta;
    assert.deepEqual([(mode & 0o7777).toString(8), uid, gid], ["2755", 12, 34], name);
  }
  assert.deepEqual(Object.keys(t.read()), ["top/", "top/a/", "top/a/b/"], "not the file itself");
  assert.deepEqual(makeParents(jail, t.at("top/a/b/file")), []);
});

Deno.test("D 7.2.11 makeParents() keeps closed what is closed", () => {
  using t = tree({ "top/": directory({ mode: 0o500 }) });
  using jail = openJail();
  makeParents(jail, t.at("top/a/file"));
  const entry = t.entry("top/a");
  assert.equal(entry.kind === "dir" && (entry.meta.mode & 0o7777).toString(8), "700");
});

Deno.test("D 7.2.11 makeParents() follows no link and replaces nothing", () => {
  using t = tree({ elsewhere: "", "dir/x": "", l: link("dir"), file: "" });
  using jail = openJail();
  const before = t.read();
  for (const name of ["l/a/f", "file/a/f"]) {
    assert.throws(() => makeParents(jail, t.at(name)), /Too many levels|Not a directory/);
  }
  assert.deepEqual(t.read(), before);
});
