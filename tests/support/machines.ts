/**
 * Small machines on one network, each a set of namespaces: own host name, addresses, processes, and
 * its own /etc, /usr, /var, /srv and /run above those of the system. What an operator does on a host can
 * be done there, and nothing of it is seen outside. Needs root, `ip`, `nsenter`, `unshare` and `perl`.
 */
import { ourWords } from "./program.ts";

export interface Ran {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MachineOptions {
  /** The system's host name. @default the name of the machine */
  readonly hostname?: string;
  /** With the length of the network's part: `10.34.0.1/24`. */
  readonly addresses?: readonly string[];
}

export interface RunOptions {
  readonly stdin?: string;
  /** What the program has in its environment besides PATH and LC_ALL. */
  readonly env?: Readonly<Record<string, string>>;
  /** After that many seconds the command is killed. @default 60 */
  readonly seconds?: number;
}

/** Directories whose changes stay within the machine. */
const PRIVATE = ["/etc", "/usr", "/var", "/srv", "/root"];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * First process of a machine: it tells its number as the outside sees it, mounts, and then waits for
 * the end of its standard input, which comes with that of the tests at the latest. Children that lost
 * their parent are buried by the kernel.
 */
const FIRST = `
read -r pid rest < /proc/self/stat
dir=$1; shift
mount -t tmpfs none "$dir"
for path in ${PRIVATE.join(" ")}; do
  mkdir -p "$dir$path/upper" "$dir$path/work"
  mount -t overlay overlay \\
    -o "lowerdir=$path,upperdir=$dir$path/upper,workdir=$dir$path/work" "$path"
done
mount -t tmpfs none /run
mkdir -p /run/lock
mount -t proc proc /proc
hostname "$1"
rm -rf /etc/csync2* /var/lib/csync2/*
ip link set lo up
echo "$pid"
exec perl -e '$SIG{CHLD} = "IGNORE"; 1 while sysread STDIN, my $byte, 1'
`;

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function must({ rc, stderr }: Ran, what: string): void {
  if (rc !== 0) throw new Error(`${what}: exit ${rc}: ${stderr}`);
}

export class Machine {
  #port = 0;

  constructor(
    readonly name: string,
    readonly pid: number,
    private readonly anchor: Deno.ChildProcess,
  ) {}

  #command(script: string, { env = {}, seconds = 60, stdin }: RunOptions): Deno.Command {
    const inside = ["--mount", "--net", "--uts", "--pid"];
    const words = ["timeout", "-k", "1", `${seconds}`, "/bin/sh", "-c", script];
    return new Deno.Command("nsenter", {
      args: ["--target", `${this.pid}`, ...inside, "--wd=/", ...words],
      clearEnv: true,
      env: { PATH, LC_ALL: "C", ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Runs a shell script on the machine, in `/`. */
  async run(script: string, options: RunOptions = {}): Promise<Ran> {
    const child = this.#command(script, options).spawn();
    const output = child.output();
    if (options.stdin !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(options.stdin)).catch(() => {});
      await writer.close().catch(() => {});
    }
    const { code, stdout, stderr } = await output;
    return { rc: code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** As `run`, and the script must succeed. @returns its standard output */
  async sh(script: string, options: RunOptions = {}): Promise<string> {
    const ran = await this.run(script, options);
    must(ran, `${this.name}: ${script}`);
    return ran.stdout;
  }

  /** A process that goes on until the machine ends; what it writes goes to a file of the machine. */
  async start(script: string, log = "/run/started.log"): Promise<void> {
    await this.sh(`setsid sh -c '${script.replaceAll("'", `'\\''`)}' </dev/null >>${log} 2>&1 &`);
  }

  /** Waits until somebody listens on a TCP port of the machine. */
  async listens(port: number): Promise<void> {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    // State 0A is LISTEN; nobody is connected to, so that a server for one connection stays.
    const isThere = `grep -hqE '^ *[0-9]+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A' /proc/net/tcp*`;
    await this.sh(`until ${isThere}; do sleep 0.02; done`);
  }

  async write(path: string, content: string, mode = "0644"): Promise<void> {
    await this.sh(`mkdir -p "$(dirname ${path})" && cat > ${path} && chmod ${mode} ${path}`, {
      stdin: content,
    });
  }

  /** Adds an interface on the other end of which is the switch. */
  async plug(switchPid: number, addresses: readonly string[]): Promise<void> {
    const eth = `eth${this.#port++}`, port = `${this.name}${this.#port}`;
    const { code, stderr } = await new Deno.Command("nsenter", {
      args: [
        "--target",
        `${switchPid}`,
        "--net",
        "sh",
        "-ec",
        `ip link add ${port} type veth peer name ${eth} netns ${this.pid}
         ip link set ${port} master hub up`,
      ],
      stdout: "null",
    }).output();
    if (code !== 0) throw new Error(`Cannot plug in ${this.name}: ${text(stderr)}`);
    const own = addresses.map((address) =>
      `ip addr add ${address} dev ${eth}${address.includes(":") ? " nodad" : ""};`
    );
    await this.sh(`set -e; ${own.join(" ")} ip link set ${eth} up`);
  }

  async stop(): Promise<void> {
    this.anchor.kill("SIGKILL"); // and with it all of the machine's processes (--kill-child)
    await Promise.all([this.anchor.status, this.anchor.stdin.close().catch(() => {})]);
  }
}

/** Machines that are plugged into one switch. */
export class Machines implements AsyncDisposable {
  readonly base = Deno.makeTempDirSync({ prefix: "csync2-machines-" });
  readonly #all: Machine[] = [];
  #hub: Machine | undefined;

  async add(name: string, options: MachineOptions = {}): Promise<Machine> {
    this.#hub ??= await this.#makeHub();
    const machine = await this.#make(name, options.hostname ?? name);
    await machine.plug(this.#hub.pid, options.addresses ?? []);
    return machine;
  }

  async #makeHub(): Promise<Machine> {
    const hub = await this.#make("hub", "hub");
    await hub.sh("ip link add hub type bridge && ip link set hub up");
    return hub;
  }

  async #make(name: string, hostname: string): Promise<Machine> {
    const dir = `${this.base}/${name}`;
    Deno.mkdirSync(dir);
    const anchor = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child"],
        ...["/bin/sh", "-ec", FIRST, "first", dir, hostname],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = anchor.stdout.getReader();
    let said = "";
    while (!said.endsWith("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The machine ${name} could not be made`);
      said += text(value);
    }
    await reader.cancel();
    const machine = new Machine(name, Number(said), anchor);
    this.#all.push(machine);
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#all) await machine.stop();
    await Deno.remove(this.base, { recursive: true });
  }
}

/** Makes our program as one executable file, as it would lie in /usr/sbin. */
export function writeProgram(path: string): void {
  const words = ourWords();
  if (words.length === 1) return Deno.copyFileSync(words[0]!, path);
  const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache/deno`;
  Deno.writeTextFileSync(
    path,
    `#!/bin/sh\nDENO_DIR='${cache}' DENO_NO_UPDATE_CHECK=1 exec ${quoted.join(" ")} "$@"\n`,
    { mode: 0o755 },
  );
}
