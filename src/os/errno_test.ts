import { equal, ok } from "node:assert/strict";
import { CsyncError } from "../model/mod.ts";
import { ERRNO, errnoText, errorNamed, OsError } from "./errno.ts";
import { openAt } from "./directory.ts";
import { O_RDONLY } from "./flags.ts";

Deno.test("errnoText() says what the C library says, for every number", () => {
  const libc = Deno.dlopen("libc.so.6", {
    strerror: { parameters: ["i32"], result: "pointer" },
  });
  try {
    for (const n of [...Object.values(ERRNO), 41, 58, 4000]) {
      const where = libc.symbols.strerror(n);
      equal(errnoText(n), Deno.UnsafePointerView.getCString(where!));
    }
  } finally {
    libc.close();
  }
  equal(Object.keys(ERRNO).length, 131);
});

Deno.test("OsError tells call, path, name and text", () => {
  let error: unknown;
  try {
    openAt("/no/such\xff", { flags: O_RDONLY });
  } catch (thrown) {
    error = thrown;
  }
  ok(error instanceof OsError && error instanceof CsyncError);
  equal(error.code, "os/ENOENT");
  equal(error.errnoName, "ENOENT");
  equal(error.text, "No such file or directory");
  equal(error.message, 'Cannot openat "/no/such\ufffd": No such file or directory');
  equal(errorNamed("EXDEV", { call: "x", path: "y" }).text, "Invalid cross-device link");
});
