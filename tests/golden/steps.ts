/**
 * Replays golden cases with steps against a csync2 program: ours, or with CSYNC2_PROGRAM the real one,
 * which proves the runner itself. See README.md in this folder for the meaning of the steps.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fromFileUrl } from "../support/program.ts";
import { csync2Command, environment } from "../support/program.ts";

/** The directory that the recordings were made in; replaced everywhere by our own. */
const RECORDED_BASE = "/tmp/csync2-demo2";
export const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
const SUBDIRECTORIES = ["etc", "db", "a", "b", "c", "log", "inc", "out"];
const SERVER_DEADLINE_MS = 15_000;
const RUN_DEADLINE_MS = 60_000;

export interface Step {
  readonly op: string;
  readonly [key: string]: unknown;
}
export interface RunResult {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** What we answer on purpose, for one step of one case: replaces those fields of the recording. */
export interface Deviation {
  readonly rc?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly rows?: Record<string, unknown[][]>;
  readonly data?: string | null;
  readonly stat?: Record<string, unknown>;
  /** Entry of DIFFERENCES that is the reason. */
  readonly why: string;
}

export interface RunOptions {
  readonly host?: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Without -N and -D. */
  readonly bare?: boolean;
  /** See CommandOptions. */
  readonly redirect?: string;
  /** Value of -D; null leaves the option out. */
  readonly database?: string | null;
  /** In place of the program that is tested. */
  readonly program?: string;
}

export function load<T>(name: string): T {
  const text = Deno.readTextFileSync(fromFileUrl(new URL(`${name}.json`, import.meta.url)));
  return JSON.parse(text.replace(/("mtime_ns": *)(-?\d+)/g, '$1"$2"')); // exceeds a double
}

/** One fresh set of directories in which a case runs. */
export class Surroundings implements AsyncDisposable {
  readonly base = Deno.makeTempDirSync({ prefix: "csync2-golden-" });
  readonly #servers = new Map<string, Deno.ChildProcess>();

  constructor() {
    for (const dir of SUBDIRECTORIES) Deno.mkdirSync(`${this.base}/${dir}`, { mode: 0o755 });
    Deno.chmodSync(this.base, 0o755);
    Deno.writeTextFileSync(`${this.base}/etc/demo.key`, `${KEY}\n`, { mode: 0o600 });
  }

  /** Recorded text -> text for this run. */
  localise(text: string): string {
    return text.replaceAll(RECORDED_BASE, this.base);
  }
  /** Text of this run -> recorded text. */
  recorded(text: string): string {
    return text.replaceAll(this.base, RECORDED_BASE);
  }

  path(relative: string): string {
    return relative.startsWith("/") ? this.localise(relative) : `${this.base}/${relative}`;
  }

  config(text: string, name = "csync2.cfg"): void {
    Deno.writeTextFileSync(`${this.base}/etc/${name}`, this.localise(text));
  }

  #arguments(
    host: string,
    args: readonly string[],
    database: string | null = `${this.base}/db`,
  ): string[] {
    const option = database === null ? [] : ["-D", this.localise(database)];
    return ["-N", host, ...option, ...args.map((a) => this.localise(a))];
  }

  async run(
    args: readonly string[],
    { host = "a.demo", cwd, env = {}, bare = false, redirect, database, program }: RunOptions = {},
  ): Promise<RunResult> {
    const words = bare ? args.map((a) => this.localise(a)) : this.#arguments(host, args, database);
    const where = cwd === undefined ? this.base : this.path(cwd);
    const child = csync2Command(words, {
      cwd: where,
      env: { ...environment(`${this.base}/etc`), PWD: where, ...env },
      ...(redirect !== undefined && { redirect: this.localise(redirect) }),
      ...(program !== undefined && { program }),
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), RUN_DEADLINE_MS);
    try {
      const { code, signal, stdout, stderr } = await child.output();
      const text = (bytes: Uint8Array) => this.recorded(new TextDecoder().decode(bytes));
      return { rc: signal === null ? code : -1, stdout: text(stdout), stderr: text(stderr) };
    } finally {
      clearTimeout(timer);
    }
  }

  async serverStart(host: string, args: readonly string[]): Promise<void> {
    const child = csync2Command(this.#arguments(host, args), {
      cwd: "/",
      env: { ...environment(`${this.base}/etc`), PWD: "/" },
      quiet: true,
    }).spawn();
    this.#servers.set(host, child);
    const port = Number(args[args.indexOf("-p") + 1]);
    await reachable(host, port);
  }

  async serverStop(host: string): Promise<void> {
    const child = this.#servers.get(host);
    if (child === undefined) return;
    this.#servers.delete(host);
    await new Promise((r) => setTimeout(r, 300)); // its actions run after the connection has ended
    try {
      child.kill("SIGTERM");
    } catch { /* it ended by itself */ }
    const timer = setTimeout(() => child.kill("SIGKILL"), SERVER_DEADLINE_MS);
    await child.status;
    clearTimeout(timer);
  }

  database(host: string): DatabaseSync {
    return new DatabaseSync(`${this.base}/db/${host}.db3`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of [...this.#servers.keys()]) await this.serverStop(host);
    await Deno.remove(this.base, { recursive: true });
  }
}

async function reachable(host: string, port: number): Promise<void> {
  for (let waited = 0; waited < SERVER_DEADLINE_MS; waited += 25) {
    try {
      (await Deno.connect({ hostname: host, port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    await new Promise((r) => setTimeout(r, 25));
  }
  throw new Error(`No server at ${host}:${port} after ${SERVER_DEADLINE_MS} ms`);
}

/** Executes one step; a failing expectation throws. */
export async function execute(s: Surroundings, step: Step, ours?: Deviation): Promise<void> {
  const host = (step.host as string | undefined) ?? "a.demo";
  const path = step.path === undefined ? "" : s.path(step.path as string);
  switch (step.op) {
    case "config":
      return s.config(step.text as string, step.name as string);
    case "run": {
      const got = await s.run(step.args as string[], {
        host,
        ...(step.cwd !== undefined && { cwd: step.cwd as string }),
        ...(step.env !== undefined && { env: step.env as Record<string, string> }),
      });
      return sameRun(got, step as unknown as RunResult, ours);
    }
    case "server_start":
      return await s.serverStart(host, step.args as string[]);
    case "server_stop":
      return await s.serverStop(host);
    case "sql":
      return runSql(s, host, step);
    case "expect_tables":
      return sameTables(s, host, ours?.rows ?? step.rows as Record<string, unknown[][]>);
    case "expect_content":
      return sameContent(s, path, step, ours);
    case "expect_stat":
      return sameStat(path, { ...step, ...ours?.stat });
    default:
      return makeObject(path, step, s);
  }
}

/** A case of config-effects.json. */
export interface EffectCase {
  readonly name: string;
  readonly host: string;
  readonly config: string;
  readonly mark: string;
  readonly extra_args: string[];
  readonly mark_rc: number;
  readonly mark_stderr: string;
  readonly dirty_rc: number;
  readonly dirty: string[][];
}

export function sameRun(got: RunResult, want: RunResult, ours?: Deviation): void {
  const stderr = ours?.stderr ?? want.stderr;
  assert.deepEqual(
    { rc: got.rc, stdout: got.stdout, stderr: withoutAdvice(online(got.stderr), stderr) },
    { rc: ours?.rc ?? want.rc, stdout: ours?.stdout ?? want.stdout, stderr },
  );
}

/** As on a host with a name service: without one, the C library says that it cannot know. */
function online(text: string): string {
  return text.replaceAll("Temporary failure in name resolution", "Name or service not known");
}

/** Our lines may go on behind the C text: ` (what to do, or where)`. */
export function withoutAdvice(got: string, want: string): string {
  const wanted = want.split("\n");
  return got.split("\n").map((line, at) => {
    const text = wanted[at] ?? "";
    return text !== "" && line.startsWith(`${text} (`) && line.endsWith(")") ? text : line;
  }).join("\n");
}

function runSql(s: Surroundings, host: string, step: Step): void {
  using db = s.database(host);
  const statements = typeof step.sql === "string" ? [step.sql] : step.sql as string[];
  for (const text of statements) db.exec(s.localise(text));
}

/** All rows, sorted; what stands behind a NUL is our own detail (C programs do not see it). */
function sameTables(s: Surroundings, host: string, rows: Record<string, unknown[][]>): void {
  using db = s.database(host);
  const byText = (a: unknown, b: unknown) =>
    JSON.stringify(a) < JSON.stringify(b) ? -1 : JSON.stringify(a) > JSON.stringify(b) ? 1 : 0;
  for (const [table, want] of Object.entries(rows)) {
    const got = db.prepare(`select * from ${table}`).all().map((row) =>
      Object.values(row).map((v) => typeof v === "string" ? s.recorded(v.split("\0")[0]!) : v)
    );
    assert.deepEqual(got.sort(byText), [...want].sort(byText), `table ${table} of ${host}`);
  }
}

function sameContent(s: Surroundings, path: string, step: Step, ours?: Deviation): void {
  let got: string | null = null;
  try {
    got = s.recorded(Deno.readTextFileSync(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const want = ours?.data !== undefined ? ours.data : step.data;
  const sorted = (text: unknown) =>
    step.unordered_lines && typeof text === "string" ? text.split("\n").sort() : text;
  assert.deepEqual(sorted(got), sorted(want), `content of ${s.recorded(path)}`);
}

const TYPE_MASK = 0o170000;

function sameStat(path: string, want: Record<string, unknown>): void {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return assert.equal(want.exists, false, `${path} does not exist`);
  }
  if (want.exists === false) assert.fail(`${path} exists`);
  const mode = typeof want.mode === "string" ? parseInt(want.mode, 8) : want.mode;
  if (mode !== undefined) {
    const bits = (mode as number) > 0o7777 ? stat.mode! : stat.mode! & ~TYPE_MASK;
    assert.equal(bits, mode, `mode of ${path}`);
  }
  if (want.uid !== undefined) assert.equal(stat.uid, want.uid);
  if (want.gid !== undefined) assert.equal(stat.gid, want.gid);
  if (want.size !== undefined) assert.equal(stat.size, want.size);
  if (want.mtime !== undefined) {
    assert.equal(Math.floor(stat.mtime!.getTime() / 1_000), want.mtime);
  }
  if (want.target !== undefined) assert.equal(Deno.readLinkSync(path), want.target);
}

function makeObject(path: string, step: Step, s: Surroundings): void {
  const isNew = !["unlink", "rmtree", "rename"].includes(step.op);
  if (isNew) makeParents(path);
  switch (step.op) {
    case "mkdir":
      try {
        Deno.mkdirSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
      Deno.chmodSync(path, octal(step.mode, 0o755));
      break;
    case "write":
      writeFile(path, step);
      break;
    case "symlink":
      Deno.symlinkSync(s.localise(step.target as string), path);
      break;
    case "link":
      Deno.linkSync(s.path(step.target as string), path);
      break;
    case "fifo":
      tool(["mkfifo", "-m", octal(step.mode, 0o644).toString(8), path]);
      break;
    case "chr":
    case "blk":
      tool([
        "mknod",
        "-m",
        octal(step.mode, 0o644).toString(8),
        path,
        step.op === "chr" ? "c" : "b",
        String(step.major),
        String(step.minor),
      ]);
      break;
    case "sock":
      tool(["python3", "-c", "import socket,sys;socket.socket(1).bind(sys.argv[1])", path]);
      break;
    case "unlink":
      Deno.removeSync(path);
      break;
    case "rmtree":
      Deno.removeSync(path, { recursive: true });
      break;
    case "rename":
      Deno.renameSync(path, s.path(step.to as string));
      break;
    default:
      assert.fail(`Unknown step ${step.op}`);
  }
  if (isNew) setOwnerAndTime(path, step);
}

function makeParents(path: string): void {
  const dir = path.slice(0, path.lastIndexOf("/"));
  try {
    Deno.lstatSync(dir);
  } catch {
    makeParents(dir);
    Deno.mkdirSync(dir);
    Deno.chmodSync(dir, 0o755);
  }
}

function writeFile(path: string, step: Step): void {
  Deno.writeTextFileSync(path, (step.data as string | undefined) ?? "");
  if (step.size !== undefined) Deno.truncateSync(path, step.size as number);
  Deno.chmodSync(path, octal(step.mode, 0o644));
}

function octal(value: unknown, otherwise: number): number {
  return typeof value === "string"
    ? parseInt(value, 8)
    : typeof value === "number"
    ? value
    : otherwise;
}

function setOwnerAndTime(path: string, step: Step): void {
  if (step.uid !== undefined || step.gid !== undefined) {
    tool(["chown", "-h", `${step.uid ?? 0}:${step.gid ?? 0}`, path]);
    if (typeof step.mode === "string" && step.op !== "symlink") {
      Deno.chmodSync(path, octal(step.mode, 0)); // chown clears set-uid bits
    }
  }
  if (step.mtime_ns !== undefined) {
    const ns = BigInt(step.mtime_ns as number | string);
    const size = ns < 0n ? -ns : ns;
    const at = `${ns < 0n ? "-" : ""}${size / 1_000_000_000n}.${
      String(size % 1_000_000_000n).padStart(9, "0")
    }`;
    tool(["touch", "-h", "-d", `@${at}`, path]);
  } else if (step.mtime !== undefined || step.op === "write") {
    tool(["touch", "-h", "-d", `@${step.mtime ?? 1_000_000_000}`, path]);
  }
}

function tool(words: readonly string[]): void {
  const { code, stderr } = new Deno.Command(words[0]!, { args: words.slice(1) }).outputSync();
  assert.equal(code, 0, `${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
