/** The head of the self-extracting file, with a small script in the place of the runtime. */
import assert from "node:assert/strict";
import { writeSelfExtracting } from "../../scripts/compile.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A self-extracting file and the folder it unpacks to. */
class Packed implements AsyncDisposable {
  readonly dir = Deno.makeTempDirSync();
  readonly cache = `${this.dir}/cache`;
  readonly file = `${this.dir}/a b`;

  static async make(): Promise<Packed> {
    const packed = new Packed();
    await writeSelfExtracting(packed.file, [
      {
        name: "deno",
        mode: 0o755,
        data: bytes('#!/bin/sh\nfor last; do :; done\necho "ran $last"\n'),
      },
      { name: "main.js", mode: 0o644, data: bytes("// nothing\n") },
    ]);
    return packed;
  }

  /** Starts the file in a shell, `set` before it. */
  async run(set = ":", { file = this.file, env = {} } = {}) {
    const output = await new Deno.Command("/bin/sh", {
      args: ["-c", `${set}; exec "$0" hello`, file],
      env: { CSYNC2_CACHE_DIR: this.cache, ...env },
      stdin: "null",
    }).output();
    const [stdout, stderr] = [output.stdout, output.stderr].map((b) => new TextDecoder().decode(b));
    return { code: output.code, stdout: stdout!, stderr: stderr! };
  }

  /** Names below the cache: one folder when all is well. */
  unpacked(): string[] {
    return [...Deno.readDirSync(this.cache)].map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

const RAN = { code: 0, stdout: "ran hello\n", stderr: "" };

Deno.test("self-extracting file: unpacks once, also when several start at once, with any umask", async () => {
  for (const set of [":", "umask 000", "umask 777"]) {
    await using packed = await Packed.make();
    const all = await Promise.all([packed.run(set), packed.run(set), packed.run(set)]);
    for (const one of all) assert.deepEqual(one, RAN);
    const [folder, ...more] = packed.unpacked();
    assert.deepEqual(more, []);
    assert.equal(Deno.statSync(`${packed.cache}/${folder}`).mode! & 0o777, 0o700);
    assert.deepEqual(await packed.run(), RAN);
  }
});

Deno.test("self-extracting file: what a clean-up has left is unpacked anew", async () => {
  await using packed = await Packed.make();
  for (const lost of ["deno", "main.js"]) {
    await packed.run();
    const [folder] = packed.unpacked();
    Deno.removeSync(`${packed.cache}/${folder}/${lost}`);
    assert.deepEqual(await packed.run(), RAN, lost);
    assert.deepEqual(packed.unpacked(), [folder]);
    const names = [...Deno.readDirSync(`${packed.cache}/${folder}`)].map(({ name }) => name);
    assert.deepEqual(names.sort(), ["deno", "main.js"]);
  }
});

Deno.test("self-extracting file: takes a folder that others can only read", async () => {
  await using packed = await Packed.make();
  Deno.mkdirSync(packed.cache);
  Deno.chmodSync(packed.cache, 0o755);
  assert.deepEqual(await packed.run(), RAN);
});

Deno.test("self-extracting file: uses no folder that others could have filled", async () => {
  await using packed = await Packed.make();
  await packed.run();
  const [folder] = packed.unpacked();
  const hostile: [string, (dir: string) => void][] = [
    ["others can write", (dir) => Deno.chmodSync(dir, 0o777)],
    ["a group can write", (dir) => Deno.chmodSync(dir, 0o770)],
    ["others can write but not enter", (dir) => Deno.chmodSync(dir, 0o702)],
    ["somebody else's", (dir) => Deno.chownSync(dir, 12_345, 12_345)],
    ["a link", (dir) => {
      Deno.renameSync(dir, `${packed.dir}/aside`);
      Deno.symlinkSync(`${packed.dir}/aside`, dir);
    }],
  ];
  for (const dir of [packed.cache, `${packed.cache}/${folder}`]) {
    for (const [what, make] of hostile) {
      Deno.removeSync(packed.cache, { recursive: true });
      await packed.run();
      make(dir);
      const { code, stdout, stderr } = await packed.run();
      assert.deepEqual([code, stdout], [1, ""], what);
      assert.match(stderr, /^csync2: cannot (unpack to|install) [^\n]+\n$/, what);
      Deno.removeSync(dir, { recursive: true });
      await Deno.remove(`${packed.dir}/aside`, { recursive: true }).catch(() => {});
      if (dir === packed.cache) Deno.mkdirSync(dir, { mode: 0o700 });
    }
  }
});

Deno.test("self-extracting file: says why it cannot start", async () => {
  await using packed = await Packed.make();
  const damaged = `${packed.dir}/damaged`;
  const content = Deno.readFileSync(packed.file);
  content[content.length - 20]! ^= 1;
  Deno.writeFileSync(damaged, content, { mode: 0o755 });
  const gone = `mkdir ${packed.dir}/gone && cd ${packed.dir}/gone && rmdir ${packed.dir}/gone`;
  const nowhere = { CSYNC2_CACHE_DIR: `${packed.file}/below` };
  for (
    const [got, reason] of [
      [await packed.run(":", { file: damaged }), /csync2: this file is damaged/],
      [await packed.run(gone), /csync2: the current directory does not exist any more\n$/],
      [await packed.run(":", { env: nowhere }), /Not a directory\ncsync2: cannot make the folder/],
    ] as const
  ) {
    assert.deepEqual([got.code, got.stdout], [1, ""]);
    assert.match(got.stderr, reason);
  }
});
