/**
 * Signature and delta against rdiff in the same run: a big file with 20 small edits in memory
 * (/dev/shm). Ours runs as a process of its own, so that start-up and peak memory count.
 *
 * usage: deno run -A tests/bench/delta.ts [--size 1G] [--runs 3] [--format md4|blake2]
 *
 * Prints seconds (the best of the runs, both programs in turn), their ratio and peak memory; exit code
 * 1 when a target is missed: 1.3 times rdiff's time, 100 MB.
 * @module
 */
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Content, deltaFor, signature, type SignatureParams } from "../../src/delta/mod.ts";
import type { ByteStream } from "../../src/model/mod.ts";

const TARGET_RATIO = 1.3;
const TARGET_BYTES = 100e6;
const EDITS = 20;
const CHUNK_BYTES = 1_048_576;

type Format = "md4" | "blake2";
const PARAMS: Readonly<Record<Format, SignatureParams>> = {
  md4: { weak: "rollsum", strong: "md4", blockLength: 2048, strongLength: 16 },
  blake2: { weak: "rabinkarp", strong: "blake2b", blockLength: 2048, strongLength: 32 },
};
const RDIFF_FLAGS: Readonly<Record<Format, readonly string[]>> = {
  md4: ["-H", "md4", "-R", "rollsum", "-b", "2048", "-S", "16"],
  blake2: ["-H", "blake2", "-R", "rabinkarp", "-b", "2048", "-S", "32"],
};

interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** xorshift32: the same bytes on every machine. */
function randomSource(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** Writes the old file of `size` bytes, and the new one: overwritten, inserted and deleted bytes. */
export function makeFiles(dir: string, size: number): void {
  const random = randomSource(0x2545f491), edit = randomSource(0x9e3779b9);
  const before = openSync(`${dir}/old`, "w"), after = openSync(`${dir}/new`, "w");
  const everyBytes = Math.floor(size / EDITS);
  const words = new Uint32Array(CHUNK_BYTES / 4);
  const chunk = new Uint8Array(words.buffer);
  let nextEdit = Math.floor(everyBytes / 2);
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    for (let i = 0; i < words.length; i++) words[i] = random();
    const bytes = chunk.subarray(0, Math.min(CHUNK_BYTES, size - at));
    writeSync(before, bytes);
    if (nextEdit >= at + bytes.length) {
      writeSync(after, bytes);
      continue;
    }
    const cut = nextEdit - at, length = 1 + edit() % 100, kind = edit() % 3;
    writeSync(after, bytes.subarray(0, cut));
    if (kind !== 0) writeSync(after, new Uint8Array(length).fill(0x45));
    writeSync(after, bytes.subarray(kind === 1 ? cut : Math.min(cut + length, bytes.length)));
    nextEdit += everyBytes;
  }
  closeSync(before);
  closeSync(after);
}

function openContent(path: string): Content {
  const fd = openSync(path, "r");
  return {
    size: statSync(path).size,
    readAt: (into, offset) => readSync(fd, into, 0, into.length, offset),
  };
}

/** The part that runs in a process of its own. */
async function work([what, format, input, output, signatureFile]: string[]): Promise<void> {
  const content = openContent(input as string);
  const { bytes } = what === "signature"
    ? signature(content, { params: PARAMS[format as Format] })
    : await deltaFor(streamOf(openContent(signatureFile as string)), { content });
  const fd = openSync(output as string, "w");
  for await (const piece of bytes) writeSync(fd, piece);
  closeSync(fd);
  const status = readFileSync("/proc/self/status", "latin1");
  console.log(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]);
}

async function* streamOf(content: Content): ByteStream {
  const piece = new Uint8Array(65_536);
  for (let at = 0; at < content.size;) {
    const n = content.readAt(piece, at);
    at += n;
    yield await Promise.resolve(piece.subarray(0, n));
  }
}

function measureOurs(args: readonly string[]): Measured {
  const start = performance.now();
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", import.meta.filename as string, "--work", ...args],
    env: { NO_COLOR: "1" },
  }).outputSync();
  const seconds = (performance.now() - start) / 1000;
  assert(success, new TextDecoder().decode(stderr));
  return { seconds, peakBytes: Number(new TextDecoder().decode(stdout)) * 1024 };
}

function measureRdiff(args: readonly string[]): Measured {
  const start = performance.now();
  const { success, stderr } = new Deno.Command("/usr/bin/time", {
    args: ["-f", "%M", "rdiff", "-f", ...args],
  }).outputSync();
  const seconds = (performance.now() - start) / 1000;
  const said = new TextDecoder().decode(stderr).trim();
  assert(success, said);
  return { seconds, peakBytes: Number(said.split("\n").at(-1)) * 1024 };
}

/** Runs both in turn; the best time and the highest peak of each. */
function race(runs: number, ours: () => Measured, theirs: () => Measured) {
  const best: { ours: Measured; rdiff: Measured }[] = [];
  for (let run = 0; run < runs; run++) best.push({ ours: ours(), rdiff: theirs() });
  const summary = (of: (row: { ours: Measured; rdiff: Measured }) => Measured): Measured => ({
    seconds: Math.min(...best.map((row) => of(row).seconds)),
    peakBytes: Math.max(...best.map((row) => of(row).peakBytes)),
  });
  return { ours: summary((row) => row.ours), rdiff: summary((row) => row.rdiff) };
}

function sameFiles(a: string, b: string): boolean {
  return new Deno.Command("cmp", { args: [a, b] }).outputSync().success;
}

function report(what: string, { ours, rdiff }: ReturnType<typeof race>): boolean {
  const ratio = ours.seconds / rdiff.seconds;
  const good = ratio <= TARGET_RATIO && ours.peakBytes <= TARGET_BYTES;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(
    `${what.padEnd(18)} ours ${ours.seconds.toFixed(2)} s, rdiff ${rdiff.seconds.toFixed(2)} s, ` +
      `ratio ${ratio.toFixed(2)} (<= ${TARGET_RATIO}), peak ${megabytes(ours.peakBytes)} ` +
      `(<= ${megabytes(TARGET_BYTES)}), rdiff ${megabytes(rdiff.peakBytes)}  ${
        good ? "ok" : "MISSED"
      }`,
  );
  return good;
}

function parseSize(text: string): number {
  const match = /^(\d+)([KMG]?)$/.exec(text);
  if (match === null) throw new RangeError(`Cannot use as a size: "${text}", try 64M or 1G`);
  return Number(match[1]) * 1024 ** " KMG".indexOf(match[2] || " ");
}

/** One format: signature, then delta; checked against rdiff before anything is claimed. */
function bench(dir: string, format: Format, runs: number): boolean {
  const [before, after] = [`${dir}/old`, `${dir}/new`];
  const signatures = race(
    runs,
    () => measureOurs(["signature", format, before, `${dir}/sig`]),
    () => measureRdiff([...RDIFF_FLAGS[format], "signature", before, `${dir}/sig.rdiff`]),
  );
  assert(sameFiles(`${dir}/sig`, `${dir}/sig.rdiff`), "signatures differ");
  const deltas = race(
    runs,
    () => measureOurs(["delta", format, after, `${dir}/delta`, `${dir}/sig`]),
    () => measureRdiff(["delta", `${dir}/sig`, after, `${dir}/delta.rdiff`]),
  );
  measureRdiff(["patch", before, `${dir}/delta`, `${dir}/patched`]);
  assert(sameFiles(after, `${dir}/patched`), "our delta does not make the new file");
  Deno.removeSync(`${dir}/patched`);
  const sizes = [`${dir}/delta`, `${dir}/delta.rdiff`].map((path) => statSync(path).size);
  console.log(`${format}: delta of ${sizes[0]} bytes, rdiff's ${sizes[1]}`);
  const results = [report(`${format} signature`, signatures), report(`${format} delta`, deltas)];
  return results.every((good) => good);
}

/** @returns exit code */
export function benchDelta(args: readonly string[] = []): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: "string", default: "1G" },
      runs: { type: "string", default: "3" },
      format: { type: "string", multiple: true, default: ["md4", "blake2"] },
    },
  });
  const size = parseSize(values.size);
  const dir = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "bench-delta-" });
  try {
    console.log(
      `delta: ${values.size} of random bytes, ${EDITS} small edits, best of ${values.runs}`,
    );
    makeFiles(dir, size);
    const results = values.format.map((format) =>
      bench(dir, format as Format, Number(values.runs))
    );
    return results.every((good) => good) ? 0 : 1;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--work") await work(Deno.args.slice(1));
  else Deno.exit(benchDelta(Deno.args));
}
