/**
 * Two hosts and a proxy that cuts their connection: hundreds of sessions from the same start. Ours run
 * in this process, Debian's csync2 in processes of their own; all see their tree at the same path.
 */
import { DatabaseSync } from "node:sqlite";
import { type Host, LineWriter, main } from "../../src/cli/mod.ts";
import { openReadJail } from "../../src/fs/mod.ts";
import { type Entry, fromBytes, percentDecode } from "../../src/model/mod.ts";
import type { Kind, Ran } from "./cluster.ts";
import { CutProxy } from "./cut_proxy.ts";
import { environment } from "./program.ts";

const DEADLINE_MS = 30_000;
const POLL_MS = 1;
/** So long a server of ours may take to notice a reset that came when it had nothing more to say. */
const RESET_GRACE_MS = 300;
const SUBJECT = "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd";
const KEY = "cutcutcutcutcutcutcutcutcutcutcut";

/** What an object is to csync2, and its content. */
export interface Seen {
  readonly kind: string;
  readonly mode: number;
  readonly owner: string;
  /** Of what has a recorded one: neither directories nor links. */
  readonly mtime?: bigint;
  /** Bytes of a file, target of a link. */
  readonly content: string;
}

/** By path below the tree. */
export type Tree = ReadonlyMap<string, Seen>;

export interface CutBedOptions {
  readonly client: Kind;
  readonly server: Kind;
  readonly tls?: boolean;
  /** Last part but one of the addresses: 127.36.NET.1 and .2. */
  readonly net: number;
  /** Shell commands in both trees, before both databases learn what is there. */
  readonly before: string;
  /** Shell commands in the client's tree, which is checked afterwards. */
  readonly change: string;
  /** Shell commands in the server's tree that its database learns without a mark. */
  readonly known?: string;
  /** Shell commands in the server's tree that its database does not know of. */
  readonly unknown?: string;
  /** Lines of the group besides hosts, key and include. */
  readonly group?: string;
  /** Of a third host, which nobody reaches unless a test gives it a server. @default {""} */
  readonly further?: string;
}

export function sh(script: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-ec", script, "sh", ...args],
    env: { LC_ALL: "C" },
  }).outputSync();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** One host. */
export class CutNode {
  readonly base: string;
  /** The real directory. */
  readonly tree: string;
  readonly #endings: AbortController[] = [];
  readonly #kind: Kind;
  readonly #host: string;
  readonly #port: number;
  /** Where a C program sees its tree. */
  readonly #mount: string;
  #child: Deno.ChildProcess | undefined;
  #served: Promise<unknown> | undefined;
  #log: string[] = [];

  constructor(
    { base, tree, kind, host, port, mount }: {
      base: string;
      tree: string;
      kind: Kind;
      host: string;
      port: number;
      mount: string;
    },
  ) {
    this.base = base;
    this.tree = tree;
    this.#kind = kind;
    this.#host = host;
    this.#port = port;
    this.#mount = mount;
    for (const dir of ["etc", "db", "kept/tree", "kept/db"]) {
      Deno.mkdirSync(`${base}/${dir}`, { recursive: true });
    }
    Deno.mkdirSync(tree, { recursive: true });
  }

  get host(): string {
    return this.#host;
  }

  get kind(): Kind {
    return this.#kind;
  }

  get database(): string {
    return `${this.base}/db/${this.#host}.db3`;
  }

  /** Where the program sees an object. */
  path(name: string): string {
    return `${this.#kind === "c" ? this.#mount : this.tree}/${name}`;
  }

  /** What a server said. */
  get log(): readonly string[] {
    return this.#log;
  }

  async run(...args: string[]): Promise<Ran> {
    if (this.#kind === "c") return await this.#runC(args);
    const ending = new AbortController();
    const out: string[] = [], err: string[] = [];
    const code = await within(
      main(this.#hostOf(args, { out, err, signal: ending.signal })),
      `csync2 ${args.join(" ")}`,
    );
    return { rc: code, stdout: out.join(""), stderr: err.join("") };
  }

  #hostOf(
    args: readonly string[],
    { out, err, signal }: { out: string[]; err: string[]; signal: AbortSignal },
  ): Host {
    const env = this.#environment();
    const sink = (texts: string[]) => ({
      writeSync(bytes: Uint8Array): number {
        texts.push(fromBytes(bytes));
        return bytes.length;
      },
    });
    return {
      args: [...this.#own(), ...args],
      env: (name) => env[name],
      stdout: new LineWriter(sink(out)),
      stderr: new LineWriter(sink(err), 0),
      isTerminal: false,
      columns: () => 80,
      now: () => new Date(),
      pid: Deno.pid,
      signal,
      endGently: () => {},
    };
  }

  #own(): string[] {
    return ["-A", "-N", this.#host, "-D", `${this.base}/db`, "-p", `${this.#port}`];
  }

  #environment(): Record<string, string> {
    return { ...environment(`${this.base}/etc`), PWD: "/" };
  }

  #command(args: readonly string[]): Deno.Command {
    return new Deno.Command("unshare", {
      args: [
        "--mount",
        "sh",
        "-c",
        'mount --bind "$0" "$1" && shift && exec csync2 "$@"',
        this.tree,
        this.#mount,
        ...this.#own().slice(1),
        ...args,
      ],
      cwd: "/",
      env: this.#environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async #runC(args: readonly string[]): Promise<Ran> {
    const child = this.#command(args).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    const { code, signal, stdout, stderr } = await child.output();
    clearTimeout(timer);
    if (signal === "SIGKILL") throw new Error(`csync2 ${args.join(" ")} hangs`);
    return { rc: code, stdout: fromBytes(stdout), stderr: fromBytes(stderr) };
  }

  async start(): Promise<void> {
    this.#log = [];
    if (this.#kind === "c") {
      if (this.#child !== undefined) return; // it opens its database for each connection
      this.#child = this.#command(["-ii"]).spawn();
      void this.#child.stdout.cancel();
      void this.#child.stderr.cancel();
    } else {
      const ending = new AbortController();
      this.#endings.push(ending);
      const host = this.#hostOf(["-ii", "-v"], {
        out: [],
        err: this.#log,
        signal: ending.signal,
      });
      this.#served = main(host);
    }
    const isThere = this.#kind === "c"
      ? () => isListening(this.#host, this.#port)
      : () => this.#log.some((line) => line.startsWith("Listening on "));
    await until(isThere, `the server at ${this.#host}`);
  }

  /** Until the server has nothing to do for a connection that the proxy saw ending. */
  async quiet(proxy: CutProxy): Promise<void> {
    if (proxy.connections > 0) await within(proxy.ended, "the server's end of the connection");
    if (this.#kind === "c") {
      const { pid } = this.#child!;
      const file = `/proc/${pid}/task/${pid}/children`;
      await until(() => Deno.readTextFileSync(file).trim() === "", "the server's children");
    } else if (proxy.wasReset) {
      const said = () => this.#log.some((line) => line.startsWith("Connection from "));
      const startMs = performance.now();
      while (!said() && performance.now() - startMs < RESET_GRACE_MS) await sleep();
    }
  }

  async stop(): Promise<void> {
    for (const ending of this.#endings.splice(0)) ending.abort();
    if (this.#served !== undefined) await within(this.#served, "the end of the server");
    this.#served = undefined;
  }

  /** The end of a C server, too. */
  async end(): Promise<void> {
    await this.stop();
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.kill("SIGTERM");
    await child.status;
  }

  /** Objects of the tree, at the moment. */
  look(): Map<string, Seen> {
    using jail = openReadJail();
    const found = new Map<string, Seen>();
    const visit = (dir: string) => {
      for (const { name } of Deno.readDirSync(`${this.tree}/${dir}`)) {
        const path = dir === "" ? name : `${dir}/${name}`;
        const whole = `${this.tree}/${path}`;
        const entry = jail.look({ anchor: "/", below: whole.slice(1) } as never);
        if (entry.kind === "absent") continue;
        found.set(path, seen(entry, whole));
        if (entry.kind === "dir") visit(path);
      }
    };
    visit("");
    return found;
  }

  /** Names of the table below the tree, decoded; with a third column for records. */
  table(table: "dirty" | "file" | "csync3_intent"): string[] {
    const db = new DatabaseSync(this.database);
    try {
      const { count } = db.prepare(
        "SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name = ?",
      ).get(table) as { count: number };
      if (count === 0) return [];
      const column = table === "file"
        ? "CAST(filename AS TEXT) || ' ' || CAST(checktxt AS TEXT)"
        : "CAST(filename AS TEXT)";
      const rows = db.prepare(
        `SELECT ${column} AS text FROM ${table} ORDER BY 1`,
      ).all() as { text: string }[];
      return rows.map(({ text }) => short(percentDecode(text), this.#mount));
    } finally {
      db.close();
    }
  }
}

function short(name: string, mount: string): string {
  return name.replace(/^%tree%\/?/, "").replace(`${mount}/`, "").replace(mount, "");
}

function seen(entry: Exclude<Entry, { kind: "absent" }>, path: string): Seen {
  const { kind, meta: { mode, uid, gid, mtime } } = entry;
  const hasTime = kind !== "dir" && kind !== "lnk";
  return {
    kind,
    mode: mode & 0o7777,
    owner: `${uid}:${gid}`,
    ...(hasTime && { mtime }),
    content: kind === "reg"
      ? fromBytes(Deno.readFileSync(path))
      : kind === "lnk"
      ? entry.target
      : "",
  };
}

export async function sleep(ms = POLL_MS): Promise<void> {
  await new Promise((go) => setTimeout(go, ms));
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Waited ${DEADLINE_MS} ms for ${what}`)),
    DEADLINE_MS,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (const startMs = performance.now(); !isTrue(); await sleep()) {
    if (performance.now() - startMs > DEADLINE_MS) throw new Error(`Waited for ${what} in vain`);
  }
}

/** Without a connection, which the server would see. */
function isListening(address: string, port: number): boolean {
  const hex = (n: number, digits: number) => n.toString(16).toUpperCase().padStart(digits, "0");
  const ip = address.split(".").reverse().map((part) => hex(Number(part), 2)).join("");
  const wanted = ` ${ip}:${hex(port, 4)} 00000000:0000 0A `;
  return Deno.readTextFileSync("/proc/net/tcp").includes(wanted);
}

export class CutBed implements AsyncDisposable {
  readonly base: string;
  readonly client: CutNode;
  readonly server: CutNode;
  readonly proxy: CutProxy;
  readonly #options: CutBedOptions;

  private constructor(options: CutBedOptions, base: string, proxy: CutProxy) {
    const { client, server, net } = options;
    this.base = base;
    this.proxy = proxy;
    this.#options = options;
    const isMixed = client === "c" || server === "c";
    const mount = `${base}/mount`;
    // Where one of them is a C program, the other one has its tree where that one mounts its own.
    const tree = (kind: Kind, letter: string) =>
      isMixed && kind === "ours" ? mount : `${base}/${letter}/tree`;
    Deno.mkdirSync(mount, { recursive: true });
    const node = (letter: "a" | "b", kind: Kind) =>
      new CutNode({
        base: `${base}/${letter}`,
        tree: tree(kind, letter),
        kind,
        host: `127.36.${net}.${letter === "a" ? 1 : 2}`,
        port: letter === "a" ? PROXY_PORT : SERVER_PORT,
        mount,
      });
    this.client = node("a", client);
    this.server = node("b", server);
  }

  static async make(options: CutBedOptions): Promise<CutBed> {
    const { net } = options;
    const base = Deno.makeTempDirSync({ ...inMemory(), prefix: "csync2-cut-" });
    const proxy = await CutProxy.start({
      host: `127.36.${net}.2`,
      clientHost: `127.36.${net}.1`,
      listenPort: PROXY_PORT,
      serverPort: SERVER_PORT,
    });
    const bed = new CutBed(options, base, proxy);
    await using undo = new AsyncDisposableStack();
    undo.use(bed);
    bed.#configure();
    await bed.#prepare();
    undo.move();
    return bed;
  }

  get #nodes(): CutNode[] {
    return [this.client, this.server];
  }

  #configure(): void {
    const { client: a, server: b } = this;
    const { tls = false, group = "", further = "" } = this.#options;
    const isMixed = a.kind === "c" || b.kind === "c";
    const include = isMixed ? `${this.base}/mount` : "%tree%";
    for (const node of this.#nodes) {
      const etc = `${node.base}/etc`;
      Deno.writeTextFileSync(`${etc}/cut.key`, `${KEY}\n`, { mode: 0o600 });
      if (tls) makeCertificate(etc);
      const text = [
        tls ? "" : "nossl * *;",
        isMixed ? "" : `prefix tree { on ${a.host}: ${a.tree}; on ${b.host}: ${b.tree}; }`,
        `group g { host ${a.host} ${b.host} ${further}; key cut.key; include ${include}; ${group} }`,
        "",
      ].join("\n");
      Deno.writeTextFileSync(`${etc}/csync2.cfg`, text);
    }
  }

  async #prepare(): Promise<void> {
    const { before, change, known, unknown } = this.#options;
    const { client, server } = this;
    for (const node of this.#nodes) {
      sh(`cd "$1"; ${before}\nfind . -exec touch -h -d @1400000000 {} +`, node.tree);
      await succeeds(node, "-cIr", "/");
    }
    if (known !== undefined) {
      sh(`cd "$1"; ${known}`, server.tree);
      await succeeds(server, "-cIr", "/");
    }
    if (unknown !== undefined) sh(`cd "$1"; ${unknown}`, server.tree);
    sh(`cd "$1"; ${change}`, client.tree);
    await succeeds(client, "-cr", "/");
    for (const { base, tree } of this.#nodes) {
      sh('cp -a "$1/." "$2/kept/tree"; cp -a "$2/db/." "$2/kept/db"', tree, base);
    }
  }

  /** Both hosts as they were prepared. */
  async reset(): Promise<void> {
    await this.server.stop();
    const [a, b] = [this.client, this.server];
    sh(RESET, a.tree, a.base, b.tree, b.base);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.end();
    await this.client.end();
    await this.proxy[Symbol.asyncDispose]();
    Deno.removeSync(this.base, { recursive: true });
  }
}

const RESET = `
  find "$1" "$3" -mindepth 1 -delete; rm -f "$2"/db/* "$4"/db/*
  cp -a "$2/kept/tree/." "$1"; cp -a "$4/kept/tree/." "$3"
  cp -a "$2/kept/db/." "$2/db"; cp -a "$4/kept/db/." "$4/db"`;

const PROXY_PORT = 30_865;
const SERVER_PORT = 30_866;

/** Thousands of trees are made: not on a disk, where there is another place. */
function inMemory(): Deno.MakeTempOptions {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? { dir: "/dev/shm" } : {};
  } catch {
    return {};
  }
}

async function succeeds(node: CutNode, ...args: string[]): Promise<void> {
  const { rc, stderr } = await node.run(...args);
  if (rc !== 0 || stderr !== "") throw new Error(`${args.join(" ")}: ${rc} ${stderr}`);
}

function makeCertificate(dir: string): void {
  sh(
    `openssl req -x509 -newkey rsa:2048 -nodes -days 600 -subj "$3" -keyout "$1" -out "$2" 2>&1
     chmod 600 "$1"`,
    `${dir}/csync2_ssl_key.pem`,
    `${dir}/csync2_ssl_cert.pem`,
    SUBJECT,
  );
}
