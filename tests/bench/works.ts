/**
 * The works, each with what it needs: a bed with the tree, and a runner by name. A work puts its figures
 * into the report; short ones run several times and the fastest counts.
 */
import { makeFiles } from "./delta.ts";
import { DelayLine } from "./delay_line.ts";
import type { Figure, Report, Work } from "./figures.ts";
import { Hosts } from "./hosts.ts";
import { best, measure, type Measured, run } from "./process.ts";
import { Rsync } from "./rsync.ts";
import { changeSome, empty, makeTree } from "./tree.ts";

const CLIENT = "127.78.0.1", SERVERS = ["127.78.0.2", "127.78.0.3", "127.78.0.4"] as const;
const PORT = 30_978, RSYNC_PORT = 30_979;
/** What takes longer runs once. */
const SHORT_SECONDS = 20;
const SHORT_RUNS = 3;
const DELAY_FILES = 10_000, DELAY_ONE_WAY_MS = 10;
const BIG_BYTES = 1024 ** 3;

export interface BedOptions {
  /** Has the tree, as `source`. */
  readonly dir: string;
  readonly files: number;
  readonly report: Report;
  /** The words that start ours. */
  readonly ours: readonly string[];
  readonly works: ReadonlySet<Work>;
  readonly programs: ReadonlySet<string>;
}

/** Once, and more often when that was quick. */
async function repeated(work: () => Promise<Measured>): Promise<Measured> {
  const first = await work();
  if (first.seconds > SHORT_SECONDS) return first;
  let isFirst = true;
  return await best(SHORT_RUNS, () => {
    if (!isFirst) return work();
    isFirst = false;
    return Promise.resolve(first);
  });
}

export class Bed {
  readonly source: string;
  readonly target: string;
  #round = 0;

  constructor(readonly options: BedOptions) {
    this.source = `${options.dir}/source`;
    this.target = `${options.dir}/target`;
    Deno.mkdirSync(this.target);
  }

  #has(...works: Work[]): boolean {
    return works.some((work) => this.options.works.has(work));
  }

  /** Measures a work, unless it is not wanted or its figure is there already. */
  async #row(work: Work, program: string, measured: () => Promise<Measured>): Promise<void> {
    const { works, programs, report } = this.options;
    if (!works.has(work) || !programs.has(program === "one" ? "ours" : program)) return;
    if (report.figures.some((one) => one.work === work && one.program === program)) return;
    const figure: Figure = { work, program, ...await measured() };
    report.figures.push(figure);
    console.error(`  ${program.padEnd(8)} ${work.padEnd(10)} ${figure.seconds.toFixed(2)} s`);
  }

  /** Whether somebody still wants a figure of one of these works. */
  #wants(program: string, ...works: Work[]): boolean {
    const { programs, report } = this.options;
    if (!programs.has(program)) return false;
    return works.some((work) =>
      this.#has(work) &&
      !report.figures.some((one) => one.work === work && one.program === program)
    );
  }

  #hosts(program: "ours" | "csync2", home: string, trees: Readonly<Record<string, string>>): Hosts {
    const words = program === "ours" ? this.options.ours : ["csync2"];
    const plain = program === "csync2";
    const path = `${this.options.dir}/${home}`;
    return new Hosts({ words: () => words, home: path, port: PORT, trees, plain });
  }

  async start(): Promise<void> {
    const words = [...this.options.ours, "--version"];
    await this.#row("start", "ours", () => best(9, () => measure({ words })));
  }

  /** The works on the whole tree of ours, or of the C program. */
  async csync2(program: "ours" | "csync2"): Promise<void> {
    const pushes = ["new", "equal", "changed", "compare"] as const;
    if (!this.#wants(program, "init", "check", "fresh", ...pushes)) return;
    const { target, source } = this;
    const hosts = this.#hosts(program, program, { [CLIENT]: source, [SERVERS[0]]: target });
    // Certificates are made and known before anything is measured.
    if (program === "ours") await hosts.withServers(["-T"], { good: [0, 2] });
    await this.#checks(program, hosts);
    if (this.#wants(program, ...pushes)) await this.#pushes(program, hosts);
    empty(target);
  }

  async #checks(program: "ours" | "csync2", hosts: Hosts): Promise<void> {
    const init = () => (hosts.reset(hosts.client), hosts.run(["-cIr", "/"]));
    await this.#row("init", program, () => repeated(init));
    if (!this.#has("init")) await init();
    await this.#row("check", program, () => repeated(() => hosts.run(["-cr", "/"])));
    const fresh = () => (hosts.reset(hosts.client), hosts.run(["-cr", "/"]));
    await this.#row("fresh", program, () => repeated(fresh));
  }

  async #pushes(program: "ours" | "csync2", hosts: Hosts): Promise<void> {
    const { source, target, options: { files } } = this;
    const push = async () => {
      empty(target);
      for (const host of hosts.names) hosts.reset(host);
      await hosts.run(["-cr", "/"]);
      return await hosts.withServers(["-u"]);
    };
    await this.#row("new", program, () => repeated(push));
    if (!this.#has("new")) await push();
    await this.#row("equal", program, () =>
      repeated(async () => {
        await hosts.run(["-mr", source]);
        return await hosts.withServers(["-u"]);
      }));
    await this.#row("changed", program, () =>
      repeated(async () => {
        changeSome(source, files, { round: ++this.#round });
        return await hosts.withServers(["-x"]);
      }));
    await this.#row(
      "compare",
      program,
      () => repeated(() => hosts.withServers(["-T"], { good: [2] })),
    );
  }

  async rsync(): Promise<void> {
    if (!this.#wants("rsync", "new", "equal", "changed")) return;
    const { source, target, options: { dir, files } } = this;
    const address = SERVERS[0];
    await using rsync = await Rsync.start({ dir, address, port: RSYNC_PORT, target });
    await this.#row("new", "rsync", () => repeated(() => (empty(target), rsync.push(source))));
    await rsync.push(source);
    await this.#row("equal", "rsync", () => repeated(() => rsync.push(source)));
    await this.#row("changed", "rsync", () =>
      repeated(() => {
        changeSome(source, files, { round: ++this.#round });
        return rsync.push(source);
      }));
    empty(target);
  }

  /** The limits: a local copy, and a walk that prints. */
  async yardsticks(): Promise<void> {
    const { source, target } = this;
    const format = "%p %m %U %G %s %T@\\n";
    await this.#row(
      "check",
      "find",
      () => best(5, () => measure({ words: ["find", source, "-printf", format] })),
    );
    await this.#row(
      "new",
      "cp",
      () => repeated(() => (empty(target), measure({ words: ["cp", "-aT", source, target] }))),
    );
    empty(target);
  }

  /** Three peers at once, and one of the same cluster. */
  async peers(): Promise<void> {
    if (!this.#wants("ours", "peers")) return;
    const { source, options: { dir } } = this;
    const trees = SERVERS.map((name, at) => [name, `${dir}/target-${at}`] as const);
    const hosts = this.#hosts("ours", "peers", { [CLIENT]: source, ...Object.fromEntries(trees) });
    for (const [, path] of trees) Deno.mkdirSync(path);
    await hosts.withServers(["-T"], { good: [0, 1, 2] });
    const push = async (servers: readonly string[]) => {
      for (const [, path] of trees) empty(path);
      for (const host of hosts.names) hosts.reset(host);
      await hosts.run(["-cr", "/"]);
      return await hosts.withServers(["-u", "-P", servers.join(",")], { servers });
    };
    await this.#row("peers", "one", () => repeated(() => push(SERVERS.slice(0, 1))));
    await this.#row("peers", "ours", () => repeated(() => push(SERVERS)));
    for (const [, path] of trees) Deno.removeSync(path, { recursive: true });
  }

  /** A large file whose content goes back and forth between two versions. */
  async delta(): Promise<void> {
    if (!this.#wants("ours", "delta") && !this.#wants("rsync", "delta")) return;
    const dir = `${this.options.dir}/delta`;
    const source = `${dir}/source`, target = `${dir}/target`;
    for (const path of [dir, source, target]) Deno.mkdirSync(path);
    makeFiles(dir, BIG_BYTES);
    let next = "old";
    const change = async () => {
      await run("cp", `${dir}/${next}`, `${source}/big`); // with a new time
      next = next === "old" ? "new" : "old";
    };
    await change();
    await this.#deltaOurs(source, target, change);
    empty(target);
    await this.#deltaRsync(source, target, change);
    await this.#row("delta", "rdiff", () => repeated(() => this.#rdiff(dir)));
    Deno.removeSync(dir, { recursive: true });
  }

  async #deltaOurs(source: string, target: string, change: () => Promise<void>): Promise<void> {
    if (!this.#wants("ours", "delta")) return;
    const hosts = this.#hosts("ours", "delta-ours", { [CLIENT]: source, [SERVERS[0]]: target });
    await hosts.withServers(["-x"]);
    await this.#row("delta", "ours", () =>
      repeated(async () => {
        await change();
        const measured = await hosts.withServers(["-x"]);
        await run("cmp", `${source}/big`, `${target}/big`);
        return measured;
      }));
  }

  async #deltaRsync(source: string, target: string, change: () => Promise<void>): Promise<void> {
    if (!this.#wants("rsync", "delta")) return;
    const place = { dir: this.options.dir, address: SERVERS[0], port: RSYNC_PORT, target };
    await using rsync = await Rsync.start(place);
    await rsync.push(source);
    await this.#row("delta", "rsync", () =>
      repeated(async () => {
        await change();
        const measured = await rsync.push(source, "--no-whole-file");
        await run("cmp", `${source}/big`, `${target}/big`);
        return measured;
      }));
  }

  /** Signature, delta and patch, one after the other, without a network. */
  async #rdiff(dir: string): Promise<Measured> {
    const steps = `rdiff -f signature "$0/old" "$0/sig" &&
      rdiff -f delta "$0/sig" "$0/new" "$0/delta" && rdiff -f patch "$0/old" "$0/delta" "$0/patched"`;
    return await measure({ words: ["sh", "-c", steps, dir] });
  }

  /** New files over a line with a delay, ours and rsync in turn. */
  async delay(): Promise<void> {
    if (!this.#wants("ours", "delay") && !this.#wants("rsync", "delay")) return;
    const dir = `${this.options.dir}/delay`, source = `${dir}/source`, target = `${dir}/target`;
    for (const path of [dir, source, target]) Deno.mkdirSync(path);
    makeTree(source, DELAY_FILES);
    await using line = await DelayLine.open(DELAY_ONE_WAY_MS);
    const [{ address: client }, { address: server }] = line.ends;
    const hosts = new Hosts({
      words: () => this.options.ours,
      home: `${dir}/ours`,
      port: PORT,
      trees: { [client]: source, [server]: target },
      plain: false,
      within: (host) => line.within(host === client ? 0 : 1),
    });
    await this.#row("delay", "ours", async () => {
      await hosts.withServers(["-T"], { good: [0, 2] });
      return await repeated(async () => {
        empty(target);
        for (const host of hosts.names) hosts.reset(host);
        await hosts.run(["-cr", "/"]);
        return await hosts.withServers(["-u"]);
      });
    });
    const within = { client: line.within(0), server: line.within(1) };
    const place = { dir, address: server, port: RSYNC_PORT, target, within };
    await using rsync = await Rsync.start(place);
    await this.#row("delay", "rsync", () => repeated(() => (empty(target), rsync.push(source))));
  }
}
