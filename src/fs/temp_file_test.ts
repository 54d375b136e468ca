import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { tree } from "../../tests/support/tree.ts";
import type { Name } from "../model/mod.ts";
import { ERRNO } from "../os/mod.ts";
import { changing, errnoView } from "../os/libc.ts";
import { openJail } from "./jail.ts";
import type { TempFile } from "./ports.ts";

const KIB = 1_024;
const LEAF = "F" as Name;

/** Writes by `fill`, and gives what became of it. */
function made(fill: (temp: TempFile) => void): { bytes: Uint8Array; blocks: number } {
  using t = tree();
  using jail = openJail();
  using dir = jail.parentOf(t.at("F")).dir;
  using temp = dir.createTemp(LEAF);
  fill(temp);
  temp.setTime(5n);
  temp.sync();
  equal(temp.look().kind === "reg" && temp.look().kind, "reg");
  temp.installAs(LEAF);
  equal(Deno.statSync(t.join("F")).mtime?.getTime(), 0);
  return { bytes: Deno.readFileSync(t.join("F")), blocks: Deno.statSync(t.join("F")).blocks! };
}

/** Pieces `text` or zeros, with lengths in KiB. */
function content(...pieces: readonly (readonly [KiB: number, fill: number])[]): Uint8Array {
  return new Uint8Array(
    pieces.flatMap(([length, fill]) => new Array<number>(length * KIB).fill(fill)),
  );
}

/** Whether zeros are holes here at all, and how many blocks of 512 bytes one page takes. */
function isSparseHere(): boolean {
  using t = tree();
  Deno.writeFileSync(t.join("S"), new Uint8Array(1));
  Deno.truncateSync(t.join("S"), 1_024 * KIB);
  return Deno.statSync(t.join("S")).blocks! < 1_024;
}

const CASES: readonly [string, Uint8Array, number][] = [
  ["zeros only", content([512, 0]), 0],
  ["zeros in front", content([256, 0], [4, 1]), 4],
  ["zeros at the end", content([4, 1], [256, 0]), 4],
  ["zeros between", content([16, 1], [512, 0], [16, 2]), 32],
  ["a short run", content([16, 1], [32, 0], [16, 2]), 64],
  ["a byte in the middle", content([256, 0], [1, 7], [255, 0]), 16],
  ["nothing", content(), 0],
  ["one piece of zeros", content([3, 0]), 4],
];

for (const [name, bytes, kib] of CASES) {
  for (const piece of [1 * KIB, 10_000, 64 * KIB, 1_024 * KIB]) {
    Deno.test({
      name: `write() leaves long runs of zeros out: ${name}, by ${piece} bytes`,
      ignore: !isSparseHere(), // the file system has no holes
      fn: () => {
        const found = made((temp) => {
          for (let at = 0; at < bytes.length; at += piece) {
            temp.write(bytes.subarray(at, at + piece));
          }
        });
        deepEqual(found.bytes, bytes);
        // Runs are found in pieces of 16 KiB, or of what comes at once.
        ok(found.blocks <= kib * 2 + 2 * 32, `${found.blocks} blocks`);
      },
    });
  }
}

function source(bytes: Uint8Array, isSparse: boolean) {
  const t = tree();
  Deno.writeFileSync(t.join("S"), bytes);
  if (isSparse) {
    Deno.writeFileSync(t.join("S"), bytes.subarray(0, 16 * KIB));
    Deno.truncateSync(t.join("S"), bytes.length - 16 * KIB);
    Deno.writeFileSync(t.join("S"), bytes.subarray(bytes.length - 16 * KIB), { append: true });
  }
  return t;
}

Deno.test({
  name: "copyFrom() keeps holes of the source, whatever the range",
  ignore: !isSparseHere(), // the file system has no holes
  fn: () => {
    const bytes = content([16, 1], [1_024, 0], [16, 2]);
    using t = source(bytes, true);
    using jail = openJail();
    using file = jail.open(t.at("S"));
    const whole = made((temp) => equal(temp.copyFrom(file, { offset: 0, length: 1e9 }), file.size));
    deepEqual(whole.bytes, bytes);
    ok(whole.blocks <= 3 * 32, `${whole.blocks} blocks`);
    const parts = made((temp) => {
      temp.write(bytes.subarray(0, 5));
      for (let offset = 5; offset < bytes.length;) {
        offset += temp.copyFrom(file, { offset, length: 100_000 });
      }
    });
    deepEqual(parts.bytes, bytes);
    ok(parts.blocks <= 5 * 32, `${parts.blocks} blocks`);
    equal(made((temp) => temp.copyFrom(file, { offset: 2e6, length: 10 })).bytes.length, 0);
  },
});

Deno.test("copyFrom() copies all where the file system does not tell of holes", () => {
  const bytes = content([16, 1], [256, 0], [16, 2]);
  using t = source(bytes, true);
  using jail = openJail();
  using file = jail.open(t.at("S"));
  const calls = changing(), real = calls.lseek;
  calls.lseek = (fd, offset, whence) => whence >= 3 ? BigInt(-1) : real(fd, offset, whence);
  try {
    deepEqual(made((temp) => temp.copyFrom(file, { offset: 0, length: 1e9 })).bytes, bytes);
  } finally {
    calls.lseek = real;
  }
});

Deno.test("cloneFrom() shares all blocks, or says that it cannot", () => {
  const bytes = content([300, 3]);
  using t = source(bytes, false);
  using jail = openJail();
  using file = jail.open(t.at("S"));
  const { bytes: found } = made((temp) => {
    if (!temp.cloneFrom(file)) temp.copyFrom(file, { offset: 0, length: file.size });
  });
  deepEqual(found, bytes);
  made((temp) => {
    temp.write(bytes.subarray(0, 1));
    equal(temp.cloneFrom(file), false); // it would lose what was written
  });
});

Deno.test("syncContents() makes what was put off part of the files, and tells whose failed", async () => {
  using t = tree();
  using jail = openJail();
  using dir = jail.parentOf(t.at("F")).dir;
  using stack = new DisposableStack();
  const temps = Array.from({ length: 5 }, () => stack.use(dir.createTemp(LEAF)));
  for (const temp of temps) {
    temp.write(content([1, 1]));
    temp.write(content([4, 0]));
  }
  const calls = changing(), real = calls.write;
  let count = 0;
  calls.write = (...args) => {
    if (++count !== 2) return real(...args);
    errnoView()[0] = ERRNO.ENOSPC;
    return -1;
  };
  try {
    const answers = await jail.syncContents(temps);
    deepEqual(answers.map((answer) => answer?.code), [
      undefined,
      "os/ENOSPC",
      undefined,
      undefined,
      undefined,
    ]);
  } finally {
    calls.write = real;
  }
  const sizes = temps.map((temp) => temp.look()).map((entry) => "size" in entry ? entry.size : 0);
  deepEqual(sizes, [5, 1, 5, 5, 5].map((kib) => kib * KIB));
});

Deno.test("rewind() leaves nothing of a write that failed halfway", () => {
  const bytes = content([512, 1], [512, 0], [4, 2]);
  const found = made((temp) => {
    temp.write(content([512, 1]));
    const calls = changing(), real = calls.write;
    let count = 0;
    calls.write = (fd, data, size) => {
      if (++count === 1) return real(fd, data, Number(size) / 2);
      errnoView()[0] = ERRNO.ENOSPC;
      return -1;
    };
    try {
      throws(() => temp.write(content([512, 3])), { code: "os/ENOSPC" });
    } finally {
      calls.write = real;
    }
    temp.rewind();
    temp.pass(512 * KIB);
    temp.write(bytes.subarray(512 * KIB));
  });
  ok(Buffer.from(found.bytes).equals(bytes), "something of another content is in the file");
});
