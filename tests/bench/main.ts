/**
 * `deno task bench [--full] [--files N] [--dir DIR] [--only ours,csync2,rsync,rdiff]`
 *
 * One deterministic tree; our program, csync2 and rsync do the same work on it in the same run.
 * Seconds, ratio to csync2, and peak memory; then signature and delta of a 1 GiB file against rdiff. On /dev/shm by default: the write-back of a disk makes
 * wall times vary by a factor of six.
 */
import { bundle, RUNTIME_FLAGS } from "../../scripts/compile.ts";
import { benchDelta } from "./delta.ts";
import { noise, noiseBytes } from "../../scripts/sample_tree.ts";

const FILES_PER_DIRECTORY = 64;
const CLIENT = "127.78.0.1", SERVER = "127.78.0.2";
const PORT = "30978", RSYNC_PORT = "30979";
const GROUP_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";

interface Options {
  readonly files: number;
  readonly dir: string;
  readonly only: readonly string[];
}

function options(): Options {
  const value = (name: string) => {
    const at = Deno.args.indexOf(name);
    return at < 0 ? undefined : Deno.args[at + 1];
  };
  const files = Number(value("--files") ?? (Deno.args.includes("--full") ? 128_000 : 20_000));
  return {
    files,
    dir: value("--dir") ?? "/dev/shm",
    only: (value("--only") ?? "ours,csync2,rsync,rdiff").split(","),
  };
}

/** 13.3 kB on average (1.7 GB in 128,000 files): many small ones, few large ones; same bytes every time. */
function makeTree(tree: string, files: number): number {
  const pool = noiseBytes(4_000_000, 42);
  const random = noise(1);
  let bytes = 0;
  for (let at = 0; at < files; at++) {
    if (at % FILES_PER_DIRECTORY === 0) {
      Deno.mkdirSync(`${tree}/d${Math.floor(at / FILES_PER_DIRECTORY / 50)}/s${directory(at)}`, {
        recursive: true,
      });
    }
    const kind = at % 100;
    const most = kind < 70 ? 4_000 : kind < 95 ? 20_000 : kind < 99 ? 80_000 : 1_500_000;
    const size = random.next().value % most;
    const from = random.next().value % (pool.length - size);
    Deno.writeFileSync(pathOf(tree, at), pool.subarray(from, from + size));
    bytes += size;
  }
  return bytes;
}

const directory = (file: number) => Math.floor(file / FILES_PER_DIRECTORY);
const pathOf = (tree: string, file: number) =>
  `${tree}/d${Math.floor(directory(file) / 50)}/s${directory(file)}/file-${file}.dat`;

/** Changes every hundredth file: a few bytes in the middle. `round` makes each change a new one. */
function changeSome(tree: string, files: number, round: number): void {
  const bytes = new TextEncoder().encode(`changed ${round}`);
  for (let at = 0; at < files; at += 100) {
    const path = pathOf(tree, at);
    using file = Deno.openSync(path, { read: true, write: true });
    file.seekSync(Math.floor(file.statSync().size / 2), Deno.SeekMode.Start);
    file.writeSync(bytes);
  }
}

interface Measured {
  seconds: number;
  /** Peak resident memory of the client, of the server, in MB; NaN when too short to see. */
  clientMb: number;
  serverMb: number;
}

function peakMb(pid: number): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? NaN) / 1_000;
  } catch {
    return NaN;
  }
}

async function measure(
  words: readonly string[],
  env: Record<string, string>,
  good: readonly number[],
  server?: Deno.ChildProcess,
): Promise<Measured> {
  const started = performance.now();
  const child = new Deno.Command(words[0]!, {
    args: words.slice(1),
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let clientMb = NaN;
  const poll = setInterval(() => {
    const mb = peakMb(child.pid);
    if (!Number.isNaN(mb)) clientMb = mb;
  }, 20);
  const { code, stderr } = await child.output();
  const seconds = (performance.now() - started) / 1_000;
  clearInterval(poll);
  if (!good.includes(code)) {
    throw new Error(`${words.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return { seconds, clientMb, serverMb: server === undefined ? NaN : peakMb(server.pid) };
}

/** What a program can do; one object per program under test. */
class Csync2 {
  readonly home: string;
  constructor(
    readonly name: "ours" | "csync2",
    readonly words: readonly string[],
    dir: string,
    readonly source: string,
    readonly target: string,
  ) {
    this.home = `${dir}/${name}`;
    for (const host of [CLIENT, SERVER]) {
      Deno.mkdirSync(`${this.home}/${host}/etc`, { recursive: true });
      Deno.mkdirSync(`${this.home}/${host}/db`);
      Deno.writeTextFileSync(`${this.home}/${host}/etc/k`, `${GROUP_KEY}\n`, { mode: 0o600 });
      Deno.writeTextFileSync(
        `${this.home}/${host}/etc/csync2.cfg`,
        `nossl * *;
group bench { host ${CLIENT} ${SERVER}; key k; include %t%; exclude *~ .*.swp *.bak; }
prefix t { on ${CLIENT}: ${source}; on ${SERVER}: ${target}; }
`,
      );
    }
  }

  #words(host: string, args: readonly string[]): string[] {
    return [...this.words, "-N", host, "-D", `${this.home}/${host}/db`, "-p", PORT, ...args];
  }
  #env(host: string): Record<string, string> {
    return { CSYNC2_SYSTEM_DIR: `${this.home}/${host}/etc` };
  }

  forget(host: string): void {
    for (const entry of Deno.readDirSync(`${this.home}/${host}/db`)) {
      Deno.removeSync(`${this.home}/${host}/db/${entry.name}`);
    }
  }

  async run(host: string, good: readonly number[], ...args: string[]): Promise<Measured> {
    return await measure(this.#words(host, args), this.#env(host), good);
  }

  /** Runs a client command against a server that lives just for it. */
  async withServer(good: readonly number[], ...args: string[]): Promise<Measured> {
    const [program, ...rest] = this.#words(SERVER, ["-ii"]);
    const server = new Deno.Command(program!, {
      args: rest,
      env: this.#env(SERVER),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await listening(SERVER, Number(PORT));
      return await measure(this.#words(CLIENT, args), this.#env(CLIENT), good, server);
    } finally {
      server.kill("SIGKILL");
      await server.status;
    }
  }
}

async function listening(hostname: string, port: number): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    try {
      return (await Deno.connect({ hostname, port })).close();
    } catch {
      await new Promise((r) => setTimeout(r, 20));
    }
  }
  throw new Error(`Nothing listens on ${hostname}:${port}`);
}

type Rows = Map<string, Map<string, Measured>>;

function put(rows: Rows, work: string, program: string, measured: Measured): void {
  console.error(`  ${program.padEnd(8)} ${work.padEnd(28)} ${measured.seconds.toFixed(2)} s`);
  const row = rows.get(work) ?? new Map<string, Measured>();
  row.set(program, measured);
  rows.set(work, row);
}

function empty(dir: string): void {
  Deno.removeSync(dir, { recursive: true });
  Deno.mkdirSync(dir);
}

async function benchCsync2(program: Csync2, rows: Rows, files: number): Promise<void> {
  const note = (work: string, measured: Measured) => put(rows, work, program.name, measured);
  note("init", await program.run(CLIENT, [0], "-cIr", "/"));
  note("check, nothing changed", await program.run(CLIENT, [0], "-cr", "/"));
  program.forget(CLIENT);
  note("check, all new", await program.run(CLIENT, [0], "-cr", "/"));
  empty(program.target);
  note("push all to an empty peer", await program.withServer([0], "-u"));
  await program.run(CLIENT, [0], "-mr", program.source);
  note("push all to an equal peer", await program.withServer([0], "-u"));
  changeSome(program.source, files, rows.size);
  note("-x with 1 % changed", await program.withServer([0], "-x"));
  note("-T", await program.withServer([2], "-T"));
}

async function benchRsync(dir: string, source: string, target: string, rows: Rows, files: number) {
  Deno.writeTextFileSync(
    `${dir}/rsyncd.conf`,
    `use chroot = no
uid = 0
gid = 0
[t]
path = ${target}
read only = no
`,
  );
  const daemon = new Deno.Command("rsync", {
    args: [
      "--daemon",
      "--no-detach",
      `--port=${RSYNC_PORT}`,
      `--address=${SERVER}`,
      `--config=${dir}/rsyncd.conf`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await listening(SERVER, Number(RSYNC_PORT));
    const words = ["rsync", "-a", "--delete", `${source}/`, `rsync://${SERVER}:${RSYNC_PORT}/t/`];
    empty(target);
    put(rows, "push all to an empty peer", "rsync", await measure(words, {}, [0]));
    put(rows, "push all to an equal peer", "rsync", await measure(words, {}, [0]));
    changeSome(source, files, 1_000);
    put(rows, "-x with 1 % changed", "rsync", await measure(words, {}, [0]));
  } finally {
    daemon.kill("SIGKILL");
    await daemon.status;
  }
}

/** Median of nine starts of `--version`, from the bundle. */
async function startUp(words: readonly string[]): Promise<Measured> {
  const times: Measured[] = [];
  for (let i = 0; i < 9; i++) times.push(await measure([...words, "--version"], {}, [0]));
  return times.sort((a, b) => a.seconds - b.seconds)[4]!;
}

function printTable(rows: Rows): void {
  const number = (n: number, digits: number) => Number.isNaN(n) ? "-" : n.toFixed(digits);
  const lines = [["work", "csync2 s", "rsync s", "ours s", "ours/csync2", "ours MB", "server MB"]];
  for (const [work, row] of rows) {
    const ours = row.get("ours"), c = row.get("csync2"), rsync = row.get("rsync");
    lines.push([
      work,
      number(c?.seconds ?? NaN, 2),
      number(rsync?.seconds ?? NaN, 2),
      number(ours?.seconds ?? NaN, ours !== undefined && ours.seconds < 0.5 ? 3 : 2),
      number((ours?.seconds ?? NaN) / (c?.seconds ?? NaN), 2),
      number(ours?.clientMb ?? NaN, 0),
      number(ours?.serverMb ?? NaN, 0),
    ]);
  }
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  for (const line of lines) {
    console.log(
      line.map((cell, at) => at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))
        .join("  "),
    );
  }
}

async function main(): Promise<void> {
  const { files, dir: place, only } = options();
  const dir = Deno.makeTempDirSync({ dir: place, prefix: "csync2-bench-" });
  const stop = () => {
    Deno.removeSync(dir, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    const source = `${dir}/source`, target = `${dir}/target`;
    for (const path of [source, target]) Deno.mkdirSync(path);
    const bytes = makeTree(source, files);
    console.error(`${files} files, ${(bytes / 1e9).toFixed(2)} GB in ${dir}`);
    const script = await bundle(`${dir}/program`);
    const flags = ["--no-prompt", "--quiet", "--no-config", ...RUNTIME_FLAGS];
    const words = [Deno.execPath(), "run", "-A", ...flags, script];
    const rows: Rows = new Map();
    if (only.includes("ours")) put(rows, "start-up (--version)", "ours", await startUp(words));
    for (const name of ["ours", "csync2"] as const) {
      if (!only.includes(name)) continue;
      const program = new Csync2(name, name === "ours" ? words : ["csync2"], dir, source, target);
      await benchCsync2(program, rows, files);
    }
    if (only.includes("rsync")) await benchRsync(dir, source, target, rows, files);
    printTable(rows);
    if (only.includes("rdiff")) benchDelta(["--runs", "2"]);
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSync(dir, { recursive: true });
  }
}

await main();
