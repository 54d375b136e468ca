import { equal, throws } from "node:assert/strict";
import { failsAt } from "../../tests/support/fault.ts";
import { tree } from "../../tests/support/tree.ts";
import { copyRange, readAt, readSome, truncate, writeAll } from "./content.ts";
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
