import { deepEqual, equal, throws } from "node:assert/strict";
import { fifo, link, tree } from "../../tests/support/tree.ts";
import { failsAt } from "../../tests/support/fault.ts";
import {
  list,
  type ListedKind,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  openAt,
  openAt2,
  removeDirectory,
  rename,
  unlink,
} from "./directory.ts";
import type { OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY, RESOLVE_BENEATH } from "./flags.ts";
import { entryAt } from "./stat.ts";

const open = (path: string) => openAt(path, { flags: O_RDONLY | O_DIRECTORY });

function names(dir: Fd): { seen: Record<string, ListedKind>; error: OsError | undefined } {
  const seen: Record<string, ListedKind> = {};
  const error = list(dir, (name, kind) => void (seen[name] = kind));
  return { seen, error };
}

Deno.test("list() gives every byte of every name, and the kind", () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i));
  const everyByte = all.filter((c) => c !== "\0" && c !== "/").join("").slice(0, 254);
  using t = tree({
    [everyByte]: "",
    "D/": "",
    L: link("D"),
    P: fifo(),
    "...": "",
    "..x": "",
    ["n".repeat(255)]: "",
  });
  using dir = open(t.path);
  const { seen, error } = names(dir);
  equal(error, undefined);
  deepEqual(seen, {
    [everyByte]: "other",
    D: "dir",
    L: "other",
    P: "other",
    "...": "other",
    "..x": "other",
    ["n".repeat(255)]: "other",
  });
});

Deno.test("list() goes on over many buffers", () => {
  using t = tree();
  using dir = openAt(t.path, { flags: O_PATH | O_DIRECTORY });
  const want: string[] = [];
  for (let i = 0; i < 3_000; i++) {
    const name = `${i}-${"x".repeat(i % 200)}`;
    using _file = openAt(name, { dir, flags: O_CREAT | O_WRONLY, mode: 0o600 });
    want.push(name);
  }
  using readable = open(t.path);
  deepEqual(Object.keys(names(readable).seen).sort(), want.sort());
});

Deno.test("list() of a removed directory is empty, of a broken one an error after what was read", async () => {
  using t = tree({ "D/": "", "E/F": "" });
  using dir = open(t.join("D"));
  t.remove("D");
  deepEqual(names(dir), { seen: {}, error: undefined });
  using other = open(t.join("E"));
  const { value } = await failsAt(1, () => names(other), { only: (c) => c === "getdents64" });
  deepEqual(value?.seen, { F: "other" });
  equal(value?.error?.code, "os/EIO");
});

Deno.test("the verbs make, link, rename and remove by raw name", () => {
  using t = tree();
  using dir = openAt(t.path, { flags: O_PATH | O_DIRECTORY });
  const raw = "\xff\n'";
  makeDirectory(dir, raw, 0o755);
  throws(() => makeDirectory(dir, raw, 0o755), { code: "os/EEXIST" });
  makeSymlink(dir, "L", "to\xfe");
  makeNode(dir, "P", { mode: 0o010600, rdev: 0 });
  makeNode(dir, "C", { mode: 0o020600, rdev: 259 });
  makeLink({ dir, name: "L" }, { dir, name: "L2" });
  deepEqual(t.read(), {
    C: "<chr>",
    L: "-> to\xfe",
    L2: "-> to\xfe",
    P: "<fifo>",
    [`${raw}/`]: "",
  });
  const C = entryAt(dir, "C");
  equal(C.kind === "chr" && C.rdev, 259);
  rename({ dir, name: "L" }, { dir, name: "P" }, "replace");
  throws(() => rename({ dir, name: "P" }, { dir, name: "L2" }, "new"), { code: "os/EEXIST" });
  rename({ dir, name: "P" }, { dir, name: raw }, "exchange");
  rename({ dir, name: "C" }, { dir, name: "C2" }, "new");
  deepEqual(t.read(), { C2: "<chr>", L2: "-> to\xfe", "P/": "", [raw]: "-> to\xfe" });
  throws(() => unlink(dir, "P"), { code: "os/EISDIR" });
  throws(() => removeDirectory(dir, "C2"), { code: "os/ENOTDIR" });
  removeDirectory(dir, "P");
  unlink(dir, raw);
  throws(() => unlink(dir, raw), { code: "os/ENOENT" });
  deepEqual(t.read(), { C2: "<chr>", L2: "-> to\xfe" });
});

Deno.test("openAt2() tells when it is not there", async () => {
  using t = tree({ F: "" });
  using dir = open(t.path);
  const openF = () => openAt2("F", { dir, flags: O_RDONLY, resolve: RESOLVE_BENEATH });
  const { error } = await failsAt(0, openF, { errno: "ENOSYS" });
  equal((error as OsError).code, "os/ENOSYS");
});

Deno.test("openAt() and openAt2() try again after EINTR", async () => {
  using t = tree({ F: "" });
  using dir = open(t.path);
  for (
    const openF of [
      () => openAt("F", { dir, flags: O_RDONLY }),
      () => openAt2("F", { dir, flags: O_RDONLY, resolve: RESOLVE_BENEATH }),
    ]
  ) {
    const { value } = await failsAt(0, openF, { errno: "EINTR" });
    using fd = value!;
    equal(fd.isOpen, true);
  }
});
