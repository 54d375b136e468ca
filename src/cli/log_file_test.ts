import assert from "node:assert/strict";
import { LogFile } from "./log_file.ts";
import { LineWriter } from "./output.ts";

function inDirectory(work: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    work(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("LogFile tells once that it takes no lines, and in itself how many it has missed", () =>
  inDirectory((dir) => {
    const path = `${dir}/pipe`;
    assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
    using reader = Deno.openSync(path, { read: true, write: true });
    const failures: string[] = [];
    using log = LogFile.open(path, { mode: 0o600, onFailure: (why) => failures.push(why) });
    let written = 0;
    for (const line = "x".repeat(4_095); failures.length === 0; written++) log.line(line);
    for (let n = 0; n < 4; n++) log.line("nobody reads this");
    assert.deepEqual(failures, ["Resource temporarily unavailable"]);
    const into = new Uint8Array(65_536);
    let heard = 0;
    while (heard < (written - 1) * 4_096) heard += reader.readSync(into)!;
    log.line("again");
    log.line("and on");
    const text = new TextDecoder().decode(into.subarray(0, reader.readSync(into)!));
    assert.equal(text, "\nMessages lost: 5\nagain\nand on\n");
    assert.equal(failures.length, 1);
  }));

Deno.test("LogFile adds to a file, or empties it, and makes it with the mode that is asked for", () =>
  inDirectory((dir) => {
    const path = `${dir}/log`, onFailure = (why: string) => assert.fail(why);
    for (const line of ["one", "two"]) {
      using log = LogFile.open(path, { mode: 0o640, onFailure });
      log.line(line);
    }
    assert.equal(Deno.readTextFileSync(path), "one\ntwo\n");
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o640);
    LogFile.open(path, { mode: 0o600, isEmptied: true, onFailure })[Symbol.dispose]();
    assert.equal(Deno.readTextFileSync(path), "");
  }));

Deno.test("LogFile follows a chain of our links, and not for ever", () =>
  inDirectory((dir) => {
    Deno.mkdirSync(`${dir}/far`);
    Deno.symlinkSync("far/second", `${dir}/first`);
    Deno.symlinkSync(`${dir}/real`, `${dir}/far/second`);
    Deno.symlinkSync("loop", `${dir}/loop`);
    const options = { mode: 0o600, onFailure: (why: string) => assert.fail(why) };
    using log = LogFile.open(`${dir}/first`, options);
    log.line("here");
    assert.equal(Deno.readTextFileSync(`${dir}/real`), "here\n");
    assert.throws(() => LogFile.open(`${dir}/loop`, options), { code: "os/ELOOP" });
    assert.throws(() => LogFile.open(`${dir}/`, options), { code: "os/EISDIR" });
    assert.throws(() => LogFile.open("", options), { code: "os/ENOENT" });
  }));

Deno.test("LineWriter without a buffer goes on when a full disk has room again, and counts what is lost", () => {
  const written: string[] = [];
  let isFull = false;
  const writer = new LineWriter({
    writeSync(bytes) {
      if (isFull) throw new Error("No space left on device (os error 28)");
      written.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
  }, 0);
  writer.line("one");
  isFull = true;
  writer.line("two");
  writer.line("three");
  isFull = false;
  writer.line("four");
  assert.deepEqual(written, ["one\n", "\nMessages lost: 2\nfour\n"]);
  assert.equal(writer.failure, "No space left on device");
});
