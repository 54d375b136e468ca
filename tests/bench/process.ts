/**
 * Processes under the clock: wall time, user and system time, and peak memory of what was started and of
 * a server beside it. Needs Linux's /proc and `/usr/bin/time`, whose figures are those of the kernel at the
 * end of a process.
 */

const TICKS_PER_SECOND = 100;
const POLL_MS = 50;

export interface Usage {
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Highest resident memory, of all processes of this end together. */
  readonly peakMb: number;
}

export interface Measured {
  readonly seconds: number;
  readonly client: Usage;
  readonly server?: Usage;
}

export interface Command {
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Exit codes that mean success. @default {[0]} */
  readonly good?: readonly number[];
}

interface Seen {
  cpuSeconds: number;
  peakMb: number;
}

function seen(pid: number): Seen & { children: number } {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return {
    cpuSeconds: (user + system) / TICKS_PER_SECOND,
    children: (childUser + childSystem) / TICKS_PER_SECOND,
    peakMb: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 / 1e6,
  };
}

export function childrenOf(pid: number): number[] {
  const text = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)
  ).join(" ");
  return text.split(/\s+/).filter((word) => word !== "").map(Number);
}

/** A running server and the processes that it forks. */
export class Watch implements Disposable {
  readonly #all = new Map<number, Seen>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Of children that the server has waited for. */
  #waitedFor = 0;
  readonly #atStart: { readonly own: number; readonly waitedFor: number };

  constructor(private readonly pid: number) {
    this.#look(pid);
    this.#atStart = { own: this.#all.get(pid)?.cpuSeconds ?? 0, waitedFor: this.#waitedFor };
    this.#timer = setInterval(() => this.#look(pid), POLL_MS);
  }

  #look(pid: number): void {
    try {
      const { children, ...now } = seen(pid);
      this.#all.set(pid, now);
      if (pid === this.pid) this.#waitedFor = children;
      for (const child of childrenOf(pid)) this.#look(child);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended; what was seen counts
    }
  }

  /** Of children either what was last seen of them counts, or what the system says when all have ended. */
  #cpuSeconds(): number {
    let own = 0, forked = 0;
    for (const [pid, { cpuSeconds }] of this.#all) {
      if (pid === this.pid) own = cpuSeconds - this.#atStart.own;
      else forked += cpuSeconds;
    }
    return own + Math.max(forked, this.#waitedFor - this.#atStart.waitedFor);
  }

  /** Since this watch began. */
  usage(): Usage {
    this.#look(this.pid);
    const peaks = [...this.#all.values()].map(({ peakMb }) => peakMb);
    return {
      cpuSeconds: this.#cpuSeconds(),
      peakMb: peaks.reduce((sum, one) => sum + one, 0),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Runs a command to its end.
 * @throws Error when it ends with another code than a good one, with what it said
 */
export async function measure(command: Command, server?: Watch): Promise<Measured> {
  const { words, env = {}, cwd = "/", good = [0] } = command;
  const figures = Deno.makeTempFileSync({ prefix: "csync2-bench-time-" });
  try {
    const started = performance.now();
    const { code, stderr } = await new Deno.Command("/usr/bin/time", {
      args: ["-q", "-f", "%U %S %M", "-o", figures, ...words],
      env,
      cwd,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    const seconds = (performance.now() - started) / 1_000;
    if (!good.includes(code)) {
      const said = new TextDecoder().decode(stderr).slice(0, 2_000);
      throw new Error(`${words.join(" ")} ended with ${code}: ${said}`);
    }
    const [user = NaN, system = NaN, peakKb = NaN] = Deno.readTextFileSync(figures).split(" ")
      .map(Number);
    const client = { cpuSeconds: user + system, peakMb: peakKb * 1024 / 1e6 };
    return { seconds, client, ...(server && { server: server.usage() }) };
  } finally {
    Deno.removeSync(figures);
  }
}

/** The fastest of some runs, with the highest peaks of all of them. */
export async function best(runs: number, run: () => Promise<Measured>): Promise<Measured> {
  const all: Measured[] = [];
  for (let n = 0; n < runs; n++) all.push(await run());
  const fastest = all.reduce((a, b) => b.seconds < a.seconds ? b : a);
  const peak = (of: (one: Measured) => Usage | undefined) =>
    Math.max(...all.map((one) => of(one)?.peakMb ?? 0));
  return {
    seconds: fastest.seconds,
    client: { ...fastest.client, peakMb: peak((one) => one.client) },
    ...(fastest.server && { server: { ...fastest.server, peakMb: peak((one) => one.server) } }),
  };
}

/** Waits until somebody takes connections. */
export async function listening(hostname: string, port: number): Promise<void> {
  for (let waited = 0; waited < 15_000; waited += 20) {
    try {
      return (await Deno.connect({ hostname, port })).close();
    } catch {
      await new Promise((r) => setTimeout(r, 20));
    }
  }
  throw new Error(`Nothing listens on ${hostname}:${port}`);
}

/** Runs a command that only prepares something. */
export async function run(...words: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`${words.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
}
