import assert from "node:assert/strict";
import { argumentBytes } from "./argv.ts";
import { newKey, writeKeyFile } from "./keygen.ts";
import { dumper } from "./modes.ts";
import { LineWriter } from "./output.ts";
import { fatalLine } from "./reporting.ts";
import { CsyncError, toBytes } from "../model/mod.ts";

Deno.test("argumentBytes() keeps UTF-8 as bytes without reading the command line", () => {
  const words = argumentBytes(["-c", "ä"], () => assert.fail("not needed"));
  assert.deepEqual(words, ["-c", "\xc3\xa4"]);
});

Deno.test("argumentBytes() takes the last arguments of the command line when bytes were lost", () => {
  const line = toBytes("deno\0run\0main.ts\0-c\0/x\xff\0");
  assert.deepEqual(argumentBytes(["-c", "/x\ufffd"], () => line), ["-c", "/x\xff"]);
});

function sink(step = Infinity) {
  const written: string[] = [];
  return {
    written,
    writeSync(bytes: Uint8Array): number {
      const n = Math.min(step, bytes.length);
      written.push(String.fromCharCode(...bytes.subarray(0, n)));
      return n;
    },
  };
}

Deno.test("LineWriter buffers lines, and finishes short writes", () => {
  const out = sink(3);
  const writer = new LineWriter(out, 100);
  writer.line("one");
  assert.deepEqual(out.written, []);
  writer.line("two");
  writer.flush();
  assert.equal(out.written.join(""), "one\ntwo\n");
});

Deno.test("LineWriter without buffer writes each line", () => {
  const out = sink();
  new LineWriter(out, 0).line("x");
  assert.deepEqual(out.written, ["x\n"]);
});

Deno.test("LineWriter drops what nobody reads, and remembers what is a real failure", () => {
  const gone = {
    writeSync: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  };
  const writer = new LineWriter(gone, 0);
  writer.line("a");
  writer.line("b");
  assert.equal(writer.failure, undefined);
  const full = {
    writeSync: () => {
      throw new Error("No space left on device (os error 28)");
    },
  };
  const stuck = new LineWriter(full, 0);
  stuck.line("a");
  stuck.line("b");
  assert.equal(stuck.failure, "No space left on device");
});

Deno.test("LineWriter.writeThrough() writes what has waited, then each line", () => {
  const out = sink();
  const writer = new LineWriter(out);
  writer.line("one");
  writer.writeThrough();
  assert.deepEqual(out.written, ["one\n"]);
  writer.line("two");
  assert.deepEqual(out.written, ["one\n", "two\n"]);
});

Deno.test("newKey() has 64 characters of the alphabet, each from six bits", () => {
  const key = newKey((bytes) => bytes.forEach((_, at) => bytes[at] = at + 64));
  assert.match(key, /^[A-Za-z0-9._]{64}$/);
  assert.equal(new Set(key).size, 64);
});

Deno.test("writeKeyFile() makes a private file, and never overwrites one or follows a link", () => {
  const dir = Deno.makeTempDirSync();
  try {
    writeKeyFile(`${dir}/key`);
    assert.equal(Deno.statSync(`${dir}/key`).mode! & 0o777, 0o600);
    const before = Deno.readTextFileSync(`${dir}/key`);
    assert.throws(() => writeKeyFile(`${dir}/key`), {
      message: "Can't create key file: File exists",
    });
    assert.equal(Deno.readTextFileSync(`${dir}/key`), before);
    Deno.symlinkSync(`${dir}/elsewhere`, `${dir}/link`);
    assert.throws(() => writeKeyFile(`${dir}/link`), { code: "cli/keygen" });
    assert.throws(() => Deno.statSync(`${dir}/elsewhere`), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("D 7.4.10 dumper() refuses what is no open descriptor", () => {
  assert.equal(dumper(undefined, () => {}), undefined);
  for (
    const [value, text] of [
      ["abc", "Invalid dump_dir_fd abc: not a number"],
      ["987", "Invalid dump_dir_fd 987: Bad file descriptor"],
      ["-1", "Invalid dump_dir_fd -1: Bad file descriptor"],
    ] as const
  ) {
    assert.throws(() => dumper(value, () => {}), {
      code: "cli/option",
      option: "W",
      message: text,
    });
  }
});

Deno.test("fatalLine() gives our errors in one line, and where unexpected ones come from", () => {
  const error = new CsyncError("a/b", { message: "Cannot x", advice: "do y" });
  assert.equal(fatalLine(error), "Cannot x (do y)");
  assert.match(
    fatalLine(new TypeError("oops")),
    /^Internal error, please report it: TypeError: oops\n/,
  );
});
