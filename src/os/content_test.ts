import { equal, throws } from "node:assert/strict";
import { failsAt } from "../../tests/support/fault.ts";
import { tree } from "../../tests/support/tree.ts";
import {
  cloneAll,
  copyRange,
  nextData,
  readAt,
  readSome,
  skip,
  truncate,
  writeAll,
} from "./content.ts";
import { openAt } from "./directory.ts";
import type { ErrnoName } from "./errno.ts";
import { O_RDONLY, O_RDWR, O_WRONLY } from "./flags.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("readAt() fills the buffer as far as the file goes, at any offset", () => {
  using t = tree({ F: "0123456789" });
  using file = openAt(t.join("F"), { flags: O_RDWR });
  const into = new Uint8Array(4);
  equal(readAt(file, into, { offset: 3, path: "F" }), 4);
  equal(text(into), "3456");
  equal(readAt(file, into, { offset: 8, path: "F" }), 2);
  equal(readAt(file, into, { offset: 10, path: "F" }), 0);
  equal(readAt(file, new Uint8Array(0), { offset: 0, path: "F" }), 0);
  truncate(file, 2 ** 33 + 2, "F");
  equal(readAt(file, into, { offset: 2 ** 33, path: "F" }), 2);
  throws(() => readAt(file, into, { offset: -1, path: "F" }), { code: "os/EINVAL" });
});

Deno.test("writeAll() writes everything or throws", async () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDWR });
  writeAll(file, bytes("abc"), "F");
  const retried = await failsAt(0, () => writeAll(file.number, bytes("def"), "F"), {
    errno: "EINTR",
  });
  equal(retried.error, undefined);
  equal(t.read().F, "abcdef");
  using full = openAt("/dev/full", { flags: O_WRONLY });
  throws(() => writeAll(full, bytes("x"), "/dev/full"), { code: "os/ENOSPC" });
  using closed = openAt(t.join("F"), { flags: O_RDONLY });
  throws(() => writeAll(closed, bytes("x"), "F"), { code: "os/EBADF" });
});

Deno.test("copyRange() appends a piece, and stops where the kernel cannot", async () => {
  using t = tree({ F: "0123456789", G: "" });
  using from = openAt(t.join("F"), { flags: O_RDONLY });
  using to = openAt(t.join("G"), { flags: O_RDWR });
  const copy = (offset: number, lengthBytes: number) =>
    copyRange(to, { from, offset, lengthBytes, path: "G" });
  equal(copy(2, 3), 3);
  equal(copy(8, 100), 2);
  equal(copy(50, 1), 0);
  equal(t.read().G, "23489");
  for (const errno of ["EXDEV", "EINVAL", "ENOSYS", "EOPNOTSUPP"] satisfies ErrnoName[]) {
    equal((await failsAt(0, () => copy(0, 5), { errno })).value, 0);
  }
  const full = await failsAt(0, () => copy(0, 5), { errno: "ENOSPC" });
  equal((full.error as { code: string }).code, "os/ENOSPC");
});

Deno.test("readSome() reads from where the descriptor stands", () => {
  using t = tree({ F: "abc" });
  using file = openAt(t.join("F"), { flags: O_RDONLY });
  const into = new Uint8Array(2);
  equal(readSome(file, into, "F"), 2);
  equal(readSome(file.number, into, "F"), 1);
  equal(readSome(file, into, "F"), 0);
});

Deno.test("skip() leaves a hole, nextData() finds what is around it", () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDWR });
  writeAll(file, new Uint8Array(65_536).fill(1), "F");
  skip(file, 2 ** 33, "F");
  writeAll(file, bytes("end"), "F");
  equal(Deno.statSync(t.join("F")).size, 65_536 + 2 ** 33 + 3);
  const first = nextData(file, 0, "F")!;
  equal(first.start, 0);
  const end = 65_536 + 2 ** 33;
  if (first.end < end) { // else the file system has no holes
    equal(first.end, 65_536);
    equal(nextData(file, 100_000, "F")?.end, end + 3);
  }
  truncate(file, end + 2 ** 20, "F");
  equal(nextData(file, end + 2 ** 20, "F"), undefined);
  using closed = openAt(t.join("F"), { flags: O_RDONLY });
  closed[Symbol.dispose]();
  throws(() => skip(closed, 1, "F"), { code: "os/EBADF" });
});

Deno.test("cloneAll() shares the blocks, or says that it is not possible here", async () => {
  using t = tree({ F: "", G: "content" });
  using to = openAt(t.join("F"), { flags: O_RDWR });
  using from = openAt(t.join("G"), { flags: O_RDONLY });
  equal(t.read().F, cloneAll(to, from, "F") ? "content" : "");
  for (const errno of ["EOPNOTSUPP", "EXDEV", "ENOTTY", "EINVAL"] as const) {
    const { value } = await failsAt(0, () => cloneAll(to, from, "F"), { errno });
    equal(value, false, errno);
  }
  for (const errno of ["ENOSPC", "EIO"] as const) {
    const { error } = await failsAt(0, () => cloneAll(to, from, "F"), { errno });
    equal((error as { code: string }).code, `os/${errno}`);
  }
});
