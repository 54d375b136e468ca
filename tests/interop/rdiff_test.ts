/**
 * Against the real rdiff: byte-identical signatures, deltas that each accepts from the other. Without
 * rdiff these tests fail: they are the proof that we speak librsync's formats.
 */
import assert from "node:assert/strict";
import {
  contentOf,
  deltaFor,
  sameContentAs,
  signature,
  type SignatureParams,
} from "../../src/delta/mod.ts";
import {
  ALL_FORMATS,
  collect,
  concat,
  patched,
  randomBytes,
  stream,
  text,
} from "../support/delta_bytes.ts";

/** A directory with the files of one comparison, gone at its end. */
class Bench implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "rdiff-" });

  put(name: string, bytes: Uint8Array): void {
    Deno.writeFileSync(`${this.dir}/${name}`, bytes);
  }

  /** @returns content of the last file named. Throws when rdiff is missing. */
  rdiff(...args: readonly string[]): Uint8Array {
    const { code, stderr } = new Deno.Command("rdiff", { args: ["-f", ...args], cwd: this.dir })
      .outputSync();
    assert.equal(code, 0, `rdiff ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return Deno.readFileSync(`${this.dir}/${args.at(-1)}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

function flagsOf({ weak, strong, blockLength, strongLength }: SignatureParams): string[] {
  const hash = strong === "md4" ? "md4" : "blake2";
  return ["-H", hash, "-R", weak, "-b", `${blockLength}`, "-S", `${strongLength}`];
}

const ODD_SIZES = [0, 1, 63, 64, 65, 2047, 2048, 2049, 4096, 10_000, 100_001];
const SHAPES: readonly Partial<SignatureParams>[] = [
  {},
  { strongLength: 8 },
  { blockLength: 512, strongLength: 1 },
  { blockLength: 1 },
  { blockLength: 7, strongLength: 12 },
  { blockLength: 100_000 },
];
for (const format of ALL_FORMATS) {
  for (const shape of SHAPES) {
    const params = { ...format, ...shape };
    Deno.test(`signature() is rdiff's: ${flagsOf(params).join(" ")}`, async () => {
      using bench = new Bench();
      const all = randomBytes(100_001, 21);
      for (const size of ODD_SIZES) {
        const bytes = all.subarray(0, params.blockLength === 1 ? Math.min(size, 5000) : size);
        bench.put("old", bytes);
        const theirs = bench.rdiff(...flagsOf(params), "signature", "old", "sig");
        assert.deepEqual(await collect(signature(contentOf(bytes), { params }).bytes), theirs);
        assert.equal(await sameContentAs(stream(theirs), contentOf(bytes)), true);
      }
    });
  }
}

/** Pairs of old and new content; no block occurs twice, so both find the same copies. */
const basis = randomBytes(150_000, 33), foreign = randomBytes(70_000, 35);
const PAIRS: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
  ["equal", basis, basis],
  ["from empty", new Uint8Array(0), basis],
  ["to empty", basis, new Uint8Array(0)],
  ["foreign", basis, foreign],
  ["inserted", basis, concat(basis.subarray(0, 5000), text("new"), basis.subarray(5000))],
  ["deleted", basis, concat(basis.subarray(0, 5000), basis.subarray(5100))],
  ["appended", basis, concat(basis, foreign)],
  ["prepended", basis, concat(foreign, basis)],
  ["cut", basis, basis.subarray(0, 77_777)],
  ["turned round", basis, concat(basis.subarray(70_000), basis.subarray(0, 70_000))],
  ["last block only", basis, basis.subarray(Math.floor(150_000 / 2048) * 2048)],
];
for (const format of ALL_FORMATS) {
  for (const blockLength of [2048, 1000, 64]) {
    const params = { ...format, blockLength };
    Deno.test(`deltas are exchanged with rdiff: ${flagsOf(params).join(" ")}`, async () => {
      using bench = new Bench();
      for (const [name, old, now] of PAIRS) {
        bench.put("old", old);
        bench.put("new", now);
        const signed = bench.rdiff(...flagsOf(params), "signature", "old", "sig");
        const ours = await collect(
          (await deltaFor(stream(signed), { content: contentOf(now) })).bytes,
        );
        const theirs = bench.rdiff("delta", "sig", "new", "delta");
        assert.deepEqual(ours, theirs, `${name}: same bytes`);
        bench.put("ours", ours);
        assert.deepEqual(bench.rdiff("patch", "old", "ours", "out"), now, `${name}: rdiff patches`);
        assert.deepEqual(await patched(old, stream(theirs, 999)), now, `${name}: we patch`);
      }
    });
  }
}

Deno.test("deltas of content with repeated blocks are exchanged with rdiff", async () => {
  using bench = new Bench();
  const zeros = new Uint8Array(100_000), ones = new Uint8Array(50_000).fill(1);
  const lines = text("the same line again\n".repeat(4000));
  const cases = [
    [zeros, zeros],
    [zeros, concat(zeros, ones, zeros)],
    [concat(ones, zeros), concat(zeros, ones)],
    [lines, concat(text("!"), lines, lines)],
  ] as const;
  for (const params of ALL_FORMATS) {
    for (const [old, now] of cases) {
      bench.put("old", old);
      bench.put("new", now);
      const signed = bench.rdiff(...flagsOf(params), "signature", "old", "sig");
      const ours = await deltaFor(stream(signed), { content: contentOf(now) });
      bench.put("ours", await collect(ours.bytes));
      assert.deepEqual(bench.rdiff("patch", "old", "ours", "out"), now);
      const theirs = bench.rdiff("delta", "sig", "new", "delta");
      assert(ours.size <= theirs.length, "never longer than rdiff's");
      assert.deepEqual(await patched(old, stream(theirs)), now);
    }
  }
});

Deno.test("deltas against an empty file have literals of the block length, as rdiff's", async () => {
  using bench = new Bench();
  const now = randomBytes(200_000, 41);
  bench.put("old", new Uint8Array(0));
  bench.put("new", now);
  for (const blockLength of [1, 10, 64, 65, 1000, 2048, 40_000, 100_000]) {
    const flags = flagsOf({ ...ALL_FORMATS[0]!, blockLength });
    const signed = bench.rdiff(...flags, "signature", "old", "sig");
    const ours = await deltaFor(stream(signed), { content: contentOf(now) });
    const theirs = bench.rdiff("delta", "sig", "new", "delta");
    assert.deepEqual(await collect(ours.bytes), theirs, `block length ${blockLength}`);
  }
});

Deno.test("rdiff refuses a delta that we spoilt because the source changed", async () => {
  using bench = new Bench();
  bench.put("old", basis);
  const signed = bench.rdiff("signature", "old", "sig");
  const spoilt = await deltaFor(stream(signed), {
    content: contentOf(foreign),
    isStillValid: () => false,
  });
  bench.put("spoilt", await collect(spoilt.bytes));
  const { code } = new Deno.Command("rdiff", {
    args: ["-f", "patch", "old", "spoilt", "out"],
    cwd: bench.dir,
    stderr: "null",
  }).outputSync();
  assert.notEqual(code, 0);
});
