/**
 * Hosts on loopback that run one program: ours or Debian's csync2. The first one has the tree and pushes,
 * the others have servers. Each has an address of 127.78/16 as its name, a system directory and a database.
 */
import { childrenOf, listening, measure, type Measured, run, Watch } from "./process.ts";

const GROUP_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";

export interface HostsOptions {
  /** The words that start the program on a host. */
  readonly words: (host: string) => readonly string[];
  /** Where system directories and databases are made. */
  readonly home: string;
  readonly port: number;
  /** Names and trees, the pushing one first. */
  readonly trees: Readonly<Record<string, string>>;
  /** Without TLS. */
  readonly plain: boolean;
  /** The words that start any command on a host: `ip netns exec ..`. @default none */
  readonly within?: (host: string) => readonly string[];
}

export class Hosts {
  readonly names: readonly string[];
  readonly client: string;
  readonly servers: readonly string[];

  constructor(readonly options: HostsOptions) {
    const { home, trees, plain } = options;
    this.names = Object.keys(trees);
    [this.client = "", ...this.servers] = this.names;
    const on = this.names.map((name) => `on ${name}: ${trees[name]};`).join(" ");
    const text = `${plain ? "nossl * *;\n" : ""}prefix t { ${on} }
group bench { host ${this.names.join(" ")}; key k; include %t%; exclude *~ .*.swp *.bak; }\n`;
    for (const host of this.names) {
      Deno.mkdirSync(`${home}/${host}/etc`, { recursive: true });
      Deno.mkdirSync(`${home}/${host}/db`);
      Deno.writeTextFileSync(`${home}/${host}/etc/k`, `${GROUP_KEY}\n`, { mode: 0o600 });
      Deno.writeTextFileSync(`${home}/${host}/etc/csync2.cfg`, text);
    }
  }

  words(host: string, args: readonly string[]): string[] {
    const { within, words, home, port } = this.options;
    const own = ["-N", host, "-D", `${home}/${host}/db`, "-p", `${port}`];
    return [...(within?.(host) ?? []), ...words(host), ...own, ...args];
  }

  env(host: string): Record<string, string> {
    return { CSYNC2_SYSTEM_DIR: `${this.options.home}/${host}/etc` };
  }

  /** Forgets everything of a host. */
  reset(host: string): void {
    const dir = `${this.options.home}/${host}/db`;
    for (const { name } of Deno.readDirSync(dir)) Deno.removeSync(`${dir}/${name}`);
  }

  /** Runs a command of the client, or of another host, that needs no peer. */
  async run(args: readonly string[], { host = this.client } = {}): Promise<Measured> {
    return await measure({ words: this.words(host, args), env: this.env(host) });
  }

  /** Starts the servers of some hosts; they end with what is returned. */
  async serve(hosts: readonly string[] = this.servers): Promise<Servers> {
    const servers = new Servers();
    try {
      for (const host of hosts) servers.add(this, host);
      for (const host of hosts) await this.#listens(host);
      servers.watch();
    } catch (cause) {
      await servers[Symbol.asyncDispose]();
      throw new Error(`A server did not start: ${await servers.said()}`, { cause });
    }
    return servers;
  }

  async #listens(host: string): Promise<void> {
    const { within, port } = this.options;
    if (within === undefined) return await listening(host, port);
    const probe = `until exec 3<>/dev/tcp/${host}/${port}; do sleep 0.05; done 2>/dev/null`;
    await run(...within(host), "timeout", "15", "bash", "-c", probe);
  }

  /** Runs a command of the client beside fresh servers. */
  async withServers(
    args: readonly string[],
    { good = [0], servers: hosts = this.servers }: {
      readonly good?: readonly number[];
      readonly servers?: readonly string[];
    } = {},
  ): Promise<Measured> {
    await using servers = await this.serve(hosts);
    const { client } = this;
    const command = { words: this.words(client, args), env: this.env(client), good };
    const measured = await measure(command);
    return { ...measured, server: servers.usage() };
  }
}

/** Running servers. */
export class Servers implements AsyncDisposable {
  readonly #children: Deno.ChildProcess[] = [];
  readonly #said: Promise<string>[] = [];
  #watches: Watch[] = [];

  add(hosts: Hosts, host: string): void {
    const [program, ...args] = hosts.words(host, ["-ii"]);
    const quiet = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    const env = hosts.env(host);
    const child = new Deno.Command(program!, { args, env, cwd: "/", ...quiet }).spawn();
    this.#children.push(child);
    this.#said.push(new Response(child.stderr).text());
  }

  /** What they have written to standard error, when they have ended. */
  async said(): Promise<string> {
    return (await Promise.all(this.#said)).join("");
  }

  watch(): void {
    this.#watches = this.#children.map(({ pid }) => new Watch(pid));
  }

  /** Time of all servers together; memory of the largest. */
  usage(): { readonly cpuSeconds: number; readonly peakMb: number } {
    const all = this.#watches.map((watch) => watch.usage());
    return {
      cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      peakMb: Math.max(...all.map(({ peakMb }) => peakMb)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    for (const child of this.#children) {
      end(child);
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await child.status;
      clearTimeout(timer);
    }
  }
}

const WATCHERS: readonly string[] = ["strace", "perf"];

/** The program itself, when it was started by one that watches it. */
function end(child: Deno.ChildProcess): void {
  try {
    const comm = Deno.readTextFileSync(`/proc/${child.pid}/comm`).trimEnd();
    if (!WATCHERS.includes(comm)) child.kill("SIGTERM");
    else for (const pid of childrenOf(child.pid)) Deno.kill(pid, "SIGTERM");
  } catch (error) {
    const isGone = error instanceof TypeError || error instanceof Deno.errors.NotFound;
    if (!isGone) throw error; // it has ended by itself
  }
}
