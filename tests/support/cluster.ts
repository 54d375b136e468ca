/**
 * A cluster of real processes on loopback: each node is ours or Debian's csync2, has its own system
 * directory, database and tree, and sees its tree at the same path as the others (a mount namespace
 * of its own), so that plain names can be tested as well as prefixes.
 */
import { environment, ourWords } from "./program.ts";

export type Kind = "ours" | "c";
export type Security = "plain" | "rsa-v1" | "rsa-v3" | "p256";

export interface NodeSpec {
  readonly kind: Kind;
  /** Value of `-D`. @default a SQLite file of its own */
  readonly database?: string;
  readonly security?: Security;
}

export interface ClusterOptions {
  /** By letter: `a` is the host `a.demo`. */
  readonly nodes: Readonly<Record<string, NodeSpec>>;
  /** Lines inside the group, after hosts and key. @default {["include /MOUNT;"]} */
  readonly group?: readonly string[];
  /** Host line. @default all hosts in order */
  readonly hosts?: string;
  /** Lines outside the group. */
  readonly top?: readonly string[];
  readonly plain?: boolean;
  /** The whole configuration but `nossl`, in place of `group`, `hosts` and `top`; `$HOST` is the node's name. */
  readonly config?: readonly string[];
  /**
   * Names and their addresses in a hosts file that only the nodes see; the nodes' own names (`a.demo`)
   * must be among them. Without it the system's own names count.
   */
  readonly network?: Readonly<Record<string, string>>;
  /** Nodes whose system host name is their name, and which get no `-N`. */
  readonly named?: string;
  /** `-C` of all clients; there is no other configuration then. */
  readonly configName?: string;
  /** A run that takes longer is killed. @default {60} */
  readonly deadlineSeconds?: number;
  /** Servers write standard error to a file; it is inherited without. */
  readonly logs?: boolean;
}

export interface DumpOptions {
  /** @default "seconds" */
  readonly time?: "seconds" | "nanos" | "none";
  /** Part of the tree. @default "." */
  readonly below?: string;
}

export interface Ran {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The group key of every cluster. */
export const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
const SUBJECT = "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd";

/** Below what the system gives to connections, of which each binds an address of a node too. */
const PORTS_FROM = 10_000, PORTS_TO = 32_000;
const taken = new Set<number>();

/** A port that nobody uses on any of the addresses, whoever else runs tests at this time. */
function freePort(addresses: readonly string[]): number {
  for (;;) {
    const port = PORTS_FROM + Math.floor(Math.random() * (PORTS_TO - PORTS_FROM));
    if (taken.has(port) || !addresses.every((hostname) => isFree(hostname, port))) continue;
    taken.add(port);
    return port;
  }
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.AddrInUse); // a name that is unknown fails where it is used
  }
}

function sh(script: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command("/bin/sh", {
    args: ["-ec", script, "sh", ...args],
    stdout: "null",
  }).outputSync();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
}

/** Key and certificate as an operator would make them for csync2. */
function makeCertificate(dir: string, security: Security): void {
  const key = `${dir}/csync2_ssl_key.pem`, cert = `${dir}/csync2_ssl_cert.pem`;
  if (security === "p256") {
    sh(
      `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 600 -subj "$3" -keyout "$1" -out "$2" 2>&1`,
      key,
      cert,
      SUBJECT,
    );
  } else if (security === "rsa-v3") {
    sh(
      `openssl req -x509 -newkey rsa:2048 -nodes -days 600 -subj "$3" -keyout "$1" -out "$2" 2>&1`,
      key,
      cert,
      SUBJECT,
    );
  } else {
    sh(
      `openssl req -new -newkey rsa:2048 -nodes -subj "$3" -keyout "$1" -out "$2.req" 2>&1
       openssl x509 -req -days 600 -in "$2.req" -signkey "$1" -out "$2" 2>&1; rm "$2.req"`,
      key,
      cert,
      SUBJECT,
    );
  }
  Deno.chmodSync(key, 0o600);
}

export class Cluster implements AsyncDisposable {
  readonly base: string;
  /** Where every node sees its own tree. */
  readonly mount: string;
  readonly port: number;
  readonly #options: ClusterOptions;
  readonly #servers = new Map<string, Deno.ChildProcess>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.base = Deno.makeTempDirSync({ prefix: "csync2-cluster-" });
    Deno.chmodSync(this.base, 0o755);
    this.mount = `${this.base}/mount`;
    this.port = freePort(
      Object.keys(options.nodes).map((node) => options.network?.[`${node}.demo`] ?? `${node}.demo`),
    );
    Deno.mkdirSync(this.mount);
    if (options.network !== undefined) {
      const lines = Object.entries(options.network).map(([name, address]) =>
        `${address} ${name}\n`
      );
      Deno.writeTextFileSync(`${this.base}/hosts`, `127.0.0.1 localhost\n${lines.join("")}`);
    }
    for (const [node, { security }] of Object.entries(options.nodes)) {
      for (const dir of ["etc", "db", "tree", "log"]) {
        Deno.mkdirSync(`${this.base}/${node}/${dir}`, { recursive: true });
      }
      Deno.writeTextFileSync(`${this.base}/${node}/etc/demo.key`, `${KEY}\n`, { mode: 0o600 });
      if (security !== undefined && security !== "plain") {
        makeCertificate(`${this.base}/${node}/etc`, security);
      }
      this.configure(node);
    }
  }

  /** Writes the node's configuration; `group` replaces the lines inside the group. */
  configure(node: string, group = this.#options.group ?? ["include @;"]): void {
    const { nodes, hosts, top = [], config, configName } = this.#options;
    const list = hosts ?? Object.keys(nodes).map((n) => `${n}.demo`).join(" ");
    const whole = ["group demo", "{", `  host ${list};`, "  key demo.key;", ...group, "}"];
    this.writeConfig(node, config ?? [...top, ...whole], configName);
  }

  /** Writes a configuration, also one for `-C`. Aliases are written with `\\@`, as `@` is the tree. */
  writeConfig(node: string, lines: readonly string[], name?: string): void {
    const { plain = true } = this.#options;
    const text = [...(plain ? ["nossl * *;"] : []), ...lines, ""].join("\n")
      .replaceAll(/(?<!\\)@/g, this.mount).replaceAll("\\@", "@")
      .replaceAll("$NODE", `${this.base}/${node}`).replaceAll("$HOST", `${node}.demo`);
    const file = name === undefined ? "csync2.cfg" : `csync2_${name}.cfg`;
    Deno.writeTextFileSync(`${this.base}/${node}/etc/${file}`, text);
  }

  kind(node: string): Kind {
    return this.#options.nodes[node]!.kind;
  }

  /** The node's database file. */
  database(node: string): string {
    const { configName } = this.#options;
    return `${this.base}/${node}/db/${node}.demo${configName ? `_${configName}` : ""}.db3`;
  }

  /** The node's tree, seen from outside. */
  tree(node: string): string {
    return `${this.base}/${node}/tree`;
  }

  /** The words that start the node's program in its mount namespace; every exec keeps the process. */
  words(node: string, args: readonly string[], as = this.kind(node)): string[] {
    const { network, named = "" } = this.#options;
    const { database = `${this.base}/${node}/db` } = this.#options.nodes[node]!;
    const program = as === "c" ? ["csync2"] : ourWords();
    const isNamed = named.includes(node);
    const name = isNamed ? [] : ["-N", `${node}.demo`];
    const own = [...name, "-D", database, "-p", `${this.port}`];
    const setup = [
      'mount --bind "$0" "$1"',
      ...(network === undefined ? [] : [`mount --bind ${this.base}/hosts /etc/hosts`]),
      ...(isNamed ? [`hostname ${node}.demo`] : []),
    ];
    return [
      "unshare",
      "--mount",
      ...(isNamed ? ["--uts"] : []),
      "sh",
      "-c",
      `${setup.join(" && ")} && shift && exec "$@"`,
      this.tree(node),
      this.mount,
      ...program,
      ...own,
      ...args.map((a) => a.replace(/^@(?=\/|$)/, this.mount)),
    ];
  }

  environment(node: string): Record<string, string> {
    return { ...environment(`${this.base}/${node}/etc`), PWD: "/" };
  }

  #command(words: readonly string[], node: string, isServer = false): Deno.Command {
    const [program = "", ...args] = words;
    return new Deno.Command(program, {
      args,
      cwd: "/",
      env: this.environment(node),
      clearEnv: true,
      stdin: "null",
      stdout: isServer ? "null" : "piped",
      stderr: isServer ? "inherit" : "piped",
    });
  }

  /** A process that the test steers by itself; both outputs are piped, and the caller ends it. */
  spawn(node: string, args: readonly string[]): Deno.ChildProcess {
    return this.#command(this.words(node, args), node).spawn();
  }

  async start(node: string, args: readonly string[] = []): Promise<void> {
    let words = this.words(node, ["-ii", ...args]);
    if (this.#options.logs) {
      words = ["sh", "-c", `exec "$@" 2>>${this.base}/${node}/log/stderr`, "sh", ...words];
    }
    const child = this.#command(words, node, true).spawn();
    this.#servers.set(node, child);
    let ended: Deno.CommandStatus | undefined;
    child.status.then((status) => ended = status);
    const hostname = this.#options.network?.[`${node}.demo`] ?? `${node}.demo`;
    for (let waited = 0; waited < 15_000; waited += 20) {
      try {
        (await Deno.connect({ hostname, port: this.port })).close();
        if (ended === undefined) return;
        break; // somebody else listens there
      } catch {
        if (ended !== undefined) break;
        await new Promise((r) => setTimeout(r, 20));
      }
    }
    const why = ended === undefined ? "" : `: it ended with exit code ${ended.code}`;
    throw new Error(`The server of ${node} does not listen on port ${this.port}${why}`);
  }

  /** What the node's servers have said on standard error so far, with the option `logs`. */
  serverSaid(node: string): string {
    const log = `${this.base}/${node}/log/stderr`;
    return new TextDecoder("latin1").decode(Deno.readFileSync(log));
  }

  async stop(node: string, signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const child = this.#servers.get(node);
    if (child === undefined) return;
    this.#servers.delete(node);
    end(child, signal);
    const timer = setTimeout(() => end(child, "SIGKILL"), 10_000);
    await child.status;
    clearTimeout(timer);
  }

  run(node: string, ...args: string[]): Promise<Ran> {
    return this.runAs(this.kind(node), node, ...args);
  }

  /** Runs the program of `kind` with the configuration, database and tree of `node`. */
  async runAs(kind: Kind, node: string, ...args: string[]): Promise<Ran> {
    const { configName, deadlineSeconds = 60 } = this.#options;
    const named = configName === undefined ? [] : ["-C", configName];
    const child = this.#command(this.words(node, [...named, ...args], kind), node).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), deadlineSeconds * 1_000);
    const { code, signal, stdout, stderr } = await child.output();
    clearTimeout(timer);
    const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
    return { rc: signal === null ? code : -1, stdout: text(stdout), stderr: text(stderr) };
  }

  /** As `run`, with a pseudo-terminal as standard output and error; returns what it showed. */
  async runOnTerminal(node: string, ...args: string[]): Promise<string> {
    const command = this.words(node, args).map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", command.join(" "), "/dev/null"],
      cwd: "/",
      env: { ...this.environment(node), TERM: "xterm" },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
    }).output();
    return new TextDecoder("latin1").decode(stdout);
  }

  /** Shell commands in the node's tree. */
  change(node: string, script: string): void {
    sh(`cd "$1" && { ${script}\n}`, this.tree(node));
  }

  /** The node's tree as text: type, mode, owner, size or device, time in seconds, name, target or digest. */
  dump(node: string, { time = "seconds", below = "." }: DumpOptions = {}): string {
    const seconds = time === "nanos" ? "%T@" : time === "seconds" ? "%Ts" : "-";
    // Times of directories and links are not part of what csync2 keeps.
    const { stdout } = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        `cd "$1" && find . \\( -type d -printf 'd %m %U:%G - %p\\n' \\) -o \\( -type l -printf 'l %U:%G %p -> %l\\n' \\) \
         -o \\( -type f -printf 'f %m %U:%G %s ${seconds} %p\\n' \\) -o \\( -printf '%y %m %U:%G ${seconds} %p\\n' \\) | LC_ALL=C sort
         find . \\( -type b -o -type c \\) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
         find . -type f -print0 | LC_ALL=C sort -z | xargs -0r md5sum`,
        "sh",
        `${this.tree(node)}/${below}`,
      ],
    }).outputSync();
    return new TextDecoder("latin1").decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of [...this.#servers.keys()]) await this.stop(node);
    await this.#remove();
  }

  /** Processes that the C program has forked may still make files for a moment. */
  async #remove(): Promise<void> {
    for (let tries = 0;; tries++) {
      try {
        return await Deno.remove(this.base, { recursive: true });
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        if (tries === 50) throw error;
        await new Promise((r) => setTimeout(r, 50));
      }
    }
  }
}

/** A process that has ended by itself is none to be ended; its test says what that means. */
function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}
