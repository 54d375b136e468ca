/**
 * `deno run -A tests/bench/profile.ts [--files N] [--work new,equal,check,compare] [--top 40] [--plain]
 * [--classic] [--strace] [--perf] [--alloc]
 * [--dir DIR]`
 *
 * Where the time of a push between two of ours goes: both ends run from source with V8's profiler; the
 * top functions by self time, and microseconds per file. `--strace` also counts system calls per file,
 * `--perf` shows the kernel's and the libraries' share, `--alloc` what is allocated by which function, each in
 * a run of its own.
 */
import { parseArgs } from "node:util";
import { ROOT } from "../support/program.ts";
import { RUNTIME_FLAGS } from "../../scripts/compile.ts";
import { Allocations } from "./allocations.ts";
import { Hosts } from "./hosts.ts";
import type { Measured } from "./process.ts";
import { empty, makeTree } from "./tree.ts";

const CLIENT = "127.78.3.1", SERVER = "127.78.3.2";
const PORT = 30_977;
const SAMPLE_US = 500;
const DEBUGGER_PORT = 30_990;

interface Node {
  readonly id: number;
  readonly callFrame: { functionName: string; url: string; lineNumber: number };
}

interface Profile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
  readonly endTime: number;
}

/** `function file:line` -> microseconds of its own. */
export function selfTimes(profile: Profile): Map<string, number> {
  const names = new Map<number, string>();
  for (const { id, callFrame: { functionName, url, lineNumber } } of profile.nodes) {
    const file = url.replace(/^file:\/\//, "").replace(ROOT, "");
    const where = file === "" ? "" : ` ${file}:${lineNumber + 1}`;
    names.set(id, `${functionName || "(anonymous)"}${where}`);
  }
  const times = new Map<string, number>();
  profile.samples.forEach((id, at) => {
    const name = names.get(id)!;
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[at] ?? 0));
  });
  return times;
}

/** The profile of the process that lived longest: workers and short runs leave some too. */
function readProfile(dir: string): Profile {
  const all = [...Deno.readDirSync(dir)].map(({ name }) =>
    JSON.parse(Deno.readTextFileSync(`${dir}/${name}`)) as Profile
  );
  if (all.length === 0) throw new Error(`No profile was written to ${dir}`);
  return all.reduce((a, b) => b.endTime - b.startTime > a.endTime - a.startTime ? b : a);
}

function table(title: string, profile: Profile, { files, top }: { files: number; top: number }) {
  const times = selfTimes(profile);
  const idle = times.get("(idle)") ?? 0;
  const busy = [...times.values()].reduce((sum, t) => sum + t, 0) - idle;
  const perFile = (us: number) => (us / files).toFixed(1);
  const lines = [
    `${title}: busy ${perFile(busy)} us/file, idle ${perFile(idle)} us/file`,
    "  us/file  share  function",
  ];
  const rows = [...times].filter(([name]) => name !== "(idle)").sort((a, b) => b[1] - a[1]);
  for (const [name, us] of rows.slice(0, top)) {
    const share = `${(us / busy * 100).toFixed(1)}%`;
    lines.push(`  ${perFile(us).padStart(7)} ${share.padStart(6)}  ${name}`);
  }
  return lines.join("\n");
}

type Tool = "cpu" | "strace" | "perf" | "alloc" | "none";

class Bed {
  readonly hosts: Hosts;
  readonly source: string;
  readonly target: string;
  #tool: Tool = "none";
  #run = "";

  constructor(readonly dir: string, readonly files: number, { plain, own }: {
    readonly plain: boolean;
    /** Options of ours for every command. */
    readonly own: readonly string[];
  }) {
    this.source = `${dir}/source`;
    this.target = `${dir}/target`;
    for (const path of [this.source, this.target]) Deno.mkdirSync(path);
    const flags = ["-A", "--no-prompt", "--quiet", "--no-check", ...RUNTIME_FLAGS];
    this.hosts = new Hosts({
      words: (host) => [
        ...this.#watcher(host),
        Deno.execPath(),
        "run",
        ...this.#observer(host),
        ...flags,
        `${ROOT}main.ts`,
        ...own,
      ],
      home: `${dir}/home`,
      port: PORT,
      trees: { [CLIENT]: this.source, [SERVER]: this.target },
      plain,
    });
  }

  #observer(host: string): string[] {
    if (this.#tool === "alloc") return [`--inspect-wait=127.0.0.1:${this.#debuggerPort(host)}`];
    if (this.#tool !== "cpu") return [];
    const dir = `${this.dir}/${this.#run}/${host}`;
    return ["--cpu-prof", `--cpu-prof-dir=${dir}`, `--cpu-prof-interval=${SAMPLE_US}`];
  }

  #debuggerPort(host: string): number {
    return DEBUGGER_PORT + this.hosts.names.indexOf(host);
  }

  #watcher(host: string): string[] {
    const output = `${this.dir}/${this.#run}-${host}`;
    if (this.#tool === "strace") return ["strace", "-c", "-f", "-o", output];
    if (this.#tool !== "perf") return [];
    return ["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-o", output, "--"];
  }

  /** Everything in the tree is new, and the peer has nothing. */
  async allNew(): Promise<void> {
    empty(this.target);
    for (const host of this.hosts.names) this.hosts.reset(host);
    await this.hosts.run(["-cr", "/"]);
  }

  /** The peer has everything, and everything is marked. */
  async allMarked(): Promise<void> {
    await this.hosts.run(["-mr", this.source]);
  }

  /** One of the works, under a tool. */
  async work(name: Work, tool: Tool): Promise<Measured> {
    this.#run = `${name}-${tool}`;
    if (name === "new") await this.allNew();
    if (name === "equal") await this.allMarked();
    this.#tool = tool;
    try {
      if (name === "check") return await this.hosts.run(["-cr", "/"]);
      const good = name === "compare" ? [2] : [0];
      return await this.hosts.withServers([name === "compare" ? "-T" : "-u"], { good });
    } finally {
      this.#tool = "none";
    }
  }

  /** What both ends allocate: bytes by function. */
  async allocations(name: Work, ends: readonly string[]): Promise<Map<string, number>[]> {
    const attached = Promise.all(ends.map((host) => Allocations.attach(this.#debuggerPort(host))));
    await this.work(name, "alloc");
    return (await attached).map((one) => one.bytes(ROOT));
  }

  profile(name: Work, host: string): Profile {
    return readProfile(`${this.dir}/${name}-cpu/${host}`);
  }

  /** The most frequent system calls, per file. */
  systemCalls(name: Work, host: string, top: number): string {
    const text = Deno.readTextFileSync(`${this.dir}/${name}-strace-${host}`);
    const rows = text.split("\n").map((line) =>
      /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/.exec(line)
    ).filter((row) => row !== null).filter(([, , call]) => call !== "total");
    const counts = rows.map(([, count, call]) => [call!, Number(count) / this.files] as const)
      .sort((a, b) => b[1] - a[1]);
    const all = counts.reduce((sum, [, count]) => sum + count, 0);
    const list = counts.slice(0, top).map(([call, count]) => `${call} ${count.toFixed(2)}`);
    return `${all.toFixed(1)} per file: ${list.join(", ")}`;
  }
}

/** What `perf report` says of the process as a whole: which library, and which part of the kernel. */
function perfReport(file: string, sort: "comm" | "dso" | "symbol", top: number): string {
  const { stdout, stderr, success } = new Deno.Command("perf", {
    args: ["report", "-i", file, "--stdio", "-g", "none", "--sort", sort, "--percent-limit", "0.4"],
  }).outputSync();
  if (!success) throw new Error(`perf report: ${new TextDecoder().decode(stderr)}`);
  const lines = new TextDecoder().decode(stdout).split("\n");
  const rows = lines.map((line) => /^ +([\d.]+%) +(\S.*?) *(?:- +-)? *$/.exec(line)).filter((row) =>
    row !== null
  ).filter(([, , what]) => sort !== "symbol" || !/0x0000/.test(what!));
  return rows.slice(0, top).map(([, share, what]) => `${what} ${share}`).join(", ");
}

const WORKS = ["new", "equal", "check", "compare"] as const;
type Work = typeof WORKS[number];
const CALLS_SHOWN = 14;

function seconds({ seconds, client, server }: Measured): string {
  const beside = server === undefined
    ? ""
    : `, server cpu ${server.cpuSeconds.toFixed(2)} s ${server.peakMb.toFixed(0)} MB`;
  return `${seconds.toFixed(2)} s, client cpu ${client.cpuSeconds.toFixed(2)} s ${
    client.peakMb.toFixed(0)
  } MB${beside}`;
}

interface ShowOptions {
  readonly top: number;
  readonly strace: boolean;
  readonly perf: boolean;
  readonly alloc: boolean;
}

function allocationTable(title: string, bytes: Map<string, number>, { files, top }: {
  readonly files: number;
  readonly top: number;
}): string {
  const all = [...bytes.values()].reduce((sum, n) => sum + n, 0);
  const rows = [...bytes].sort((a, b) => b[1] - a[1]).slice(0, top);
  return [
    `${title}: allocates ${(all / files / 1_000).toFixed(1)} kB/file`,
    ...rows.map(([name, n]) => `  ${(n / files).toFixed(0).padStart(7)} B/file  ${name}`),
  ].join("\n");
}

async function showWork(bed: Bed, name: Work, options: ShowOptions) {
  const { files, hosts } = bed;
  const ends = name === "check" ? [hosts.client] : hosts.names;
  const label = (host: string) => `${name}, ${host === hosts.client ? "client" : "server"}`;
  const plain = await bed.work(name, "none");
  const perFile = (plain.seconds * 1e6 / files).toFixed(0);
  console.log(`== ${name}: ${seconds(plain)}; ${perFile} us/file, without a profiler`);
  await bed.work(name, "cpu");
  for (const host of ends) {
    console.log(table(label(host), bed.profile(name, host), { files, top: options.top }));
  }
  if (options.strace) await bed.work(name, "strace");
  for (const host of options.strace ? ends : []) {
    console.log(`${label(host)}, system calls: ${bed.systemCalls(name, host, CALLS_SHOWN)}`);
  }
  const allocated = options.alloc ? await bed.allocations(name, ends) : [];
  allocated.forEach((bytes, at) => {
    console.log(allocationTable(label(ends[at]!), bytes, { files, top: options.top }));
  });
  if (options.perf) await bed.work(name, "perf");
  for (const host of options.perf ? ends : []) {
    const file = `${bed.dir}/${name}-perf-${host}`;
    console.log(`${label(host)}, by thread: ${perfReport(file, "comm", 8)}`);
    console.log(`${label(host)}, by library: ${perfReport(file, "dso", 8)}`);
    console.log(`${label(host)}, in C and the kernel: ${perfReport(file, "symbol", CALLS_SHOWN)}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "20000" },
      work: { type: "string", default: "new,equal" },
      top: { type: "string", default: "40" },
      plain: { type: "boolean", default: false },
      classic: { type: "boolean", default: false },
      strace: { type: "boolean", default: false },
      perf: { type: "boolean", default: false },
      alloc: { type: "boolean", default: false },
      dir: { type: "string", default: "/dev/shm" },
    },
  });
  const dir = Deno.makeTempDirSync({ dir: values.dir, prefix: "csync2-profile-" });
  try {
    const own = values.classic ? ["--classic"] : [];
    const bed = new Bed(dir, Number(values.files), { plain: values.plain, own });
    const bytes = makeTree(bed.source, bed.files);
    console.log(
      `${bed.files} files, ${(bytes / 1e6).toFixed(0)} MB, ${values.plain ? "plain" : "TLS"}, ${
        new Date().toISOString()
      }`,
    );
    const wanted = values.work.split(",") as Work[];
    const unknown = wanted.filter((name) => !WORKS.includes(name));
    if (unknown.length > 0) throw new Error(`No such work: ${unknown.join(", ")}`);
    if (wanted.every((name) => name === "check")) await bed.hosts.run(["-cIr", "/"]);
    else if (!wanted.includes("new")) await bed.work("new", "none");
    for (const name of wanted) {
      await showWork(bed, name, { ...values, top: Number(values.top) });
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

if (import.meta.main) await main();
