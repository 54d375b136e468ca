/**
 * `deno run -A tests/bench/net.ts [--mb 1024] [--sizes 16,64,256,1024] [--plain] [--tls] [--frames] [--bound]`
 *
 * What bytes cost between two processes on loopback: MB/s, and seconds of processor time per GB of both
 * ends, by the length of the writes (KiB). `--frames`: through FrameSender and FrameReader, as the contents
 * of files go. `--bound`: from an own address, as with -N, which goes through node:net. Without `--plain` or `--tls` both are measured.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { connect, type Duplex, listen, makeCertificate, upgrade } from "../../src/net/mod.ts";
import { FrameReader } from "../../src/protocol/fast/frame_reader.ts";
import { FrameSender } from "../../src/protocol/fast/frame_sender.ts";
import { HEADER_BYTES } from "../../src/protocol/fast/layout.ts";

const HOST = "127.78.9.1";
const DEADLINE_MS = 10_000;
const LINE_MAX_BYTES = 1_000;
const READ_MAX_BYTES = 1 << 20;
const FRAME_MAX_BYTES = (1 << 20) + 64;
const FRAME_TYPE = 17;
/** From here on frames stand in memory of their own. */
const WHOLE_BYTES = 65_536;

/** What the client wants next. */
interface Round {
  readonly tls: boolean;
  readonly frames: boolean;
  readonly bound: boolean;
  readonly writes: number;
  readonly bytes: number;
}

/** Processor seconds of this process so far, all threads. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function drain(duplex: Duplex, { frames, bytes, writes }: Round): Promise<void> {
  let got = 0;
  if (!frames) {
    while (got < bytes) {
      const piece = await duplex.readSome(READ_MAX_BYTES);
      if (piece === undefined) throw new Error(`The connection ended after ${got} bytes`);
      got += piece.length;
    }
    return;
  }
  const reader = new FrameReader({
    duplex,
    maxBytes: () => FRAME_MAX_BYTES,
    isGivenBack: () => true,
    take: (_type, _id, payload) => {
      const content = payload.rest();
      got += content.length;
      reader.free(content);
      if (got >= bytes) reader.stop();
    },
  });
  await reader.run();
  if (got < bytes) throw new Error(`The connection ended after ${got} bytes of ${writes} each`);
}

async function fill(duplex: Duplex, { frames, bytes, writes }: Round): Promise<void> {
  const data = crypto.getRandomValues(new Uint8Array(65_536));
  const piece = new Uint8Array(writes);
  for (let at = 0; at < writes; at += data.length) {
    piece.set(data.subarray(0, Math.min(data.length, writes - at)), at);
  }
  if (!frames) {
    for (let sent = 0; sent < bytes; sent += writes) await duplex.write(piece);
    return await duplex.flush();
  }
  const sender = new FrameSender(duplex);
  const frame = new Uint8Array([...new Uint8Array(HEADER_BYTES), ...piece]);
  for (let sent = 0; sent < bytes; sent += writes) {
    const room = sender.room();
    if (room !== undefined) await room;
    if (writes < WHOLE_BYTES) {
      sender.begin(FRAME_TYPE, 1, writes);
      sender.end(piece);
    } else {
      await new Promise<void>((sent) => sender.whole(FRAME_TYPE, 1, frame, sent));
    }
  }
  await sender.flush();
}

async function serve(): Promise<void> {
  const identity = await makeCertificate({ commonName: "server.test" });
  using listener = await listen({ host: HOST, port: "0" });
  console.log(listener.address.port);
  for await (let duplex of listener.accept()) {
    const line = await duplex.readLine(LINE_MAX_BYTES);
    if (line === undefined) break;
    const round = JSON.parse(line) as Round;
    await duplex.write("OK\n");
    await duplex.flush();
    if (round.tls) {
      duplex = await upgrade(duplex, { role: "server", ...identity, deadlineMs: DEADLINE_MS });
    }
    const started = cpuSeconds();
    await drain(duplex, round);
    await duplex.write(`${cpuSeconds() - started}\n`);
    await duplex.end();
  }
}

async function measure(port: string, round: Round): Promise<string> {
  const from = round.bound ? { bindAs: HOST } : {};
  let duplex = await connect({ host: HOST, port, deadlineMs: DEADLINE_MS, ...from });
  await duplex.write(`${JSON.stringify(round)}\n`);
  if (await duplex.readLine(LINE_MAX_BYTES) !== "OK") throw new Error("No answer");
  if (round.tls) {
    const identity = await makeCertificate({ commonName: "client.test" });
    duplex = await upgrade(duplex, { role: "client", ...identity, deadlineMs: DEADLINE_MS });
  }
  const startedMs = performance.now(), started = cpuSeconds();
  await fill(duplex, round);
  const there = Number(await duplex.readLine(LINE_MAX_BYTES));
  const seconds = (performance.now() - startedMs) / 1_000, here = cpuSeconds() - started;
  await duplex.end();
  const gb = round.bytes / 1e9;
  return `${(round.bytes / 1e6 / seconds).toFixed(0).padStart(6)} MB/s, cpu s/GB: ${
    (here / gb).toFixed(3)
  } sending, ${(there / gb).toFixed(3)} receiving`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mb: { type: "string", default: "1024" },
      sizes: { type: "string", default: "16,64,256,1024" },
      plain: { type: "boolean", default: false },
      tls: { type: "boolean", default: false },
      frames: { type: "boolean", default: false },
      bound: { type: "boolean", default: false },
      serve: { type: "boolean", default: false },
    },
  });
  if (values.serve) return await serve();
  const flags = ["run", "-A", "--no-prompt", "--quiet", "--no-check"];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...flags, import.meta.filename!, "--serve"],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = (await lines.read()).value!.trim();
  try {
    const both = values.plain === values.tls;
    for (const tls of both ? [false, true] : [values.tls]) {
      for (const kib of values.sizes.split(",").map(Number)) {
        const round = {
          tls,
          frames: values.frames,
          bound: values.bound,
          writes: kib * 1_024,
          bytes: Number(values.mb) * 2 ** 20,
        };
        const name = `${tls ? "TLS" : "plain"}, ${String(kib).padStart(4)} KiB`;
        console.log(`${name}: ${await measure(port, round)}`);
      }
    }
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

if (import.meta.main) await main();
