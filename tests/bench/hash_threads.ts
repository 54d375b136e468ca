/**
 * What a second thread for sums would gain: one file in memory (/dev/shm) is signed by one side or by both
 * at the same time, each with one thread or with two that have a half each.
 *
 * usage: deno run -A tests/bench/hash_threads.ts [--size 1G] [--runs 5]
 *
 * Prints wall and processor seconds of the best run; threads are warm, so that starting them costs nothing
 * here (some 20 ms and 10 MB each in a program).
 * @module
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { signature, sizedParams } from "../../src/delta/mod.ts";

interface Part {
  readonly path: string;
  readonly from: number;
  readonly size: number;
  readonly fileSize: number;
}

async function sign({ path, from, size, fileSize }: Part): Promise<void> {
  const fd = openSync(path, "r");
  const readAt = (into: Uint8Array, at: number) =>
    readSync(fd, into, 0, Math.min(into.length, size - at), from + at);
  const { bytes } = signature({ size, readAt }, { params: sizedParams(fileSize) });
  for await (const _ of bytes) { /* only made */ }
  closeSync(fd);
}

function serve(): void {
  const scope = self as unknown as Worker;
  scope.onmessage = async ({ data }: MessageEvent<Part>) => {
    await sign(data);
    scope.postMessage(0);
  };
}

function ask(worker: Worker, part: Part): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(part);
  });
}

function make(path: string, size: number): void {
  const fd = openSync(path, "w"), chunk = new Uint8Array(65_536);
  for (let at = 0; at < size; at += chunk.length) {
    crypto.getRandomValues(chunk);
    writeSync(fd, chunk);
  }
  closeSync(fd);
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: { size: { type: "string", default: "1G" }, runs: { type: "string", default: "5" } },
  });
  const fileSize = parseInt(values.size) * (values.size.endsWith("G") ? 1_073_741_824 : 1_048_576);
  const path = Deno.makeTempFileSync({ dir: "/dev/shm" });
  const workers = Array.from(
    { length: 4 },
    () => new Worker(import.meta.url, { type: "module" }),
  );
  try {
    make(path, fileSize);
    const whole = { path, from: 0, size: Math.min(fileSize, 67_108_864), fileSize };
    await Promise.all(workers.map((worker) => ask(worker, whole)));
    for (const [sides, threads] of [[1, 1], [1, 2], [2, 1], [2, 2]] as const) {
      let best = { wall: Infinity, cpu: 0 };
      for (let run = 0; run < Number(values.runs); run++) {
        const size = fileSize / threads, cpu = cpuSeconds(), start = performance.now();
        await Promise.all(
          workers.slice(0, sides * threads).map((worker, n) =>
            ask(worker, { path, from: n % threads * size, size, fileSize })
          ),
        );
        const wall = (performance.now() - start) / 1_000;
        if (wall < best.wall) best = { wall, cpu: cpuSeconds() - cpu };
      }
      const { wall, cpu } = best;
      console.log(
        `${sides} side(s), ${threads} thread(s) each: ${wall.toFixed(2)} s, cpu ${
          cpu.toFixed(2)
        } s`,
      );
    }
  } finally {
    for (const worker of workers) worker.terminate();
    Deno.removeSync(path);
  }
}

if (typeof WorkerGlobalScope === "undefined") await measure();
else serve();
declare const WorkerGlobalScope: unknown;
