/**
 * Two hosts on loopback addresses of their own, and a system log of our own: the programs run in a mount
 * namespace whose /dev has our socket as /dev/log.
 */
import assert from "node:assert/strict";
import { environment, ourWords } from "./program.ts";

export type Program = "ours" | "c";

const LIBC = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const;
const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];
const LONGEST_MESSAGE_BYTES = 65_536;
const POLL_MS = 5;
const RUN_DEADLINE_MS = 60_000;

export const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
export const HERE = "127.32.0.1";
export const THERE = "127.32.0.2";

/** Devices that programs expect; the log is added to them. */
const DEV = `
  for f in null zero full random urandom; do : > "$0/$f"; mount --bind "/dev/$f" "$0/$f"; done
  ln -sfn /proc/self/fd "$0/fd"; ln -sfn /proc/self/fd/2 "$0/stderr"
  mount --rbind "$0" /dev && exec "$@"`;

export interface LogRunOptions {
  readonly host?: string;
  readonly program?: Program;
  /** Redirections in sh's words. */
  readonly redirect?: string;
  /** Shell commands before the program, in its namespace. */
  readonly before?: string;
}

export interface LogRun {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output with one code unit per byte. */
  readonly bytes?: string;
  /** What the system log got: `<PRIORITY>TEXT`, without time and process. */
  readonly log: string[];
}

export class LogBed implements AsyncDisposable {
  readonly base = Deno.makeTempDirSync({ prefix: "csync2-log-" });
  /** Everything that the system log got, as it came. */
  readonly raw: string[] = [];
  readonly #libc = Deno.dlopen("libc.so.6", LIBC);
  readonly #socket: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #port: number;

  constructor() {
    Deno.chmodSync(this.base, 0o755);
    for (const dir of ["etc", "db", "a", "b", "dev", "out"]) Deno.mkdirSync(`${this.base}/${dir}`);
    Deno.writeTextFileSync(`${this.base}/etc/demo.key`, `${KEY}\n`, { mode: 0o600 });
    this.config(
      `nossl * *;\ngroup g { host ${HERE} ${THERE}; key demo.key; include %p%; }\n` +
        `prefix p { on ${HERE}: ${this.base}/a; on ${THERE}: ${this.base}/b; }\n`,
    );
    this.#socket = this.#libc.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    const path = new TextEncoder().encode(`${this.base}/dev/log`);
    const address = new Uint8Array([AF_UNIX, 0, ...path, 0]);
    assert.equal(this.#libc.symbols.bind(this.#socket, address, address.length), 0);
    this.#timer = setInterval(() => this.#receive(), POLL_MS);
    using probe = Deno.listen({ hostname: THERE, port: 0 });
    this.#port = probe.addr.port;
  }

  config(text: string): void {
    Deno.writeTextFileSync(`${this.base}/etc/csync2.cfg`, text);
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.base}/${path}`, text);
  }

  /** The words that start a program as one of the hosts, with our log. */
  words(
    args: readonly string[],
    { host = HERE, program = "ours", ...more }: LogRunOptions,
  ): string[] {
    const { redirect = "", before = "" } = more;
    const own = ["-N", host, "-D", `${this.base}/db`, "-p", `${this.#port}`];
    const start = program === "c" ? ["/usr/sbin/csync2"] : ourWords();
    const shell = ["/bin/sh", "-c", `${before}\nexec "$0" "$@" ${redirect}`];
    const dev = ["unshare", "--mount", "/bin/sh", "-ec", DEV, `${this.base}/dev`];
    return [...dev, ...shell, ...start, ...own, ...args];
  }

  environment(): Record<string, string> {
    return environment(`${this.base}/etc`);
  }

  spawn(args: readonly string[], options: LogRunOptions = {}): Deno.ChildProcess {
    const [program = "", ...words] = this.words(args, options);
    return new Deno.Command(program, {
      args: words,
      cwd: this.base,
      env: this.environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(args: readonly string[], options: LogRunOptions = {}): Promise<LogRun> {
    const before = this.raw.length;
    const child = this.spawn(args, options);
    const timer = setTimeout(() => child.kill("SIGKILL"), RUN_DEADLINE_MS);
    const { code, signal, stdout, stderr } = await child.output();
    clearTimeout(timer);
    this.#receive();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      rc: signal === null ? code : -1,
      stdout: text(stdout),
      stderr: text(stderr),
      bytes: Array.from(stdout, (byte) => String.fromCharCode(byte)).join(""),
      log: this.raw.slice(before).map(withoutHead),
    };
  }

  /** A server that runs until it ends or the test does. */
  serve(args: readonly string[], options: LogRunOptions = {}): Server {
    return new Server(this.spawn(args, { host: THERE, ...options }), () => this.#receive());
  }

  /**
   * `-i` behind a super-server for one connection; as with inetd, standard error may be the connection
   * too.
   */
  inetd(
    args: readonly string[],
    { isErrorsToPeer = false, ...options }: LogRunOptions & { isErrorsToPeer?: boolean },
  ): Server {
    const [unshare = "", ...words] = this.words(args, { host: THERE, ...options });
    const child = new Deno.Command("perl", {
      args: ["-e", INETD, THERE, `${this.#port}`, isErrorsToPeer ? "1" : "0", unshare, ...words],
      cwd: this.base,
      env: this.environment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Server(child, () => this.#receive());
  }

  /** What the system log got since `before` messages. */
  messages(before = 0): string[] {
    this.#receive();
    return this.raw.slice(before).map(withoutHead);
  }

  #receive(): void {
    const into = new Uint8Array(LONGEST_MESSAGE_BYTES);
    while (true) {
      const n = this.#libc.symbols.recv(this.#socket, into, BigInt(into.length), MSG_DONTWAIT);
      if (n < 0) return;
      this.raw.push(String.fromCharCode(...into.subarray(0, n)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#libc.symbols.close(this.#socket);
    this.#libc.close();
    await Deno.remove(this.base, { recursive: true });
  }
}

const INETD = `
  use Socket; my ($host, $port, $errors, @words) = @ARGV;
  socket(my $l, PF_INET, SOCK_STREAM, 0) or die; setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($l, pack_sockaddr_in($port, inet_aton($host))) or die; listen($l, 5) or die;
  syswrite(STDERR, "listening\\n"); accept(my $c, $l) or die; close($l);
  open(STDIN, "<&", $c); open(STDOUT, ">&", $c); open(STDERR, ">&", $c) if $errors;
  exec(@words) or die;
`;

/** A process whose standard error is listened to while it runs. */
export class Server implements AsyncDisposable {
  #stderr = "";
  readonly #read: Promise<void>;
  #notify = () => {};

  constructor(readonly child: Deno.ChildProcess, private readonly collect: () => void) {
    this.#read = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
      this.#notify();
    }
    this.#notify();
  }

  /** Waits until standard error has it. @returns all of standard error so far */
  async heard(what: RegExp): Promise<string> {
    let isOver = false;
    const over = () => {
      isOver = true;
      this.#notify();
    };
    this.#read.then(over);
    const timer = setTimeout(over, RUN_DEADLINE_MS);
    while (!what.test(this.#stderr)) {
      if (isOver) throw new Error(`Never heard ${what} but ${this.#stderr}`);
      await new Promise<void>((resolve) => this.#notify = resolve);
    }
    clearTimeout(timer);
    return this.#stderr;
  }

  /** Its end, which is waited for. */
  async ended(): Promise<{ rc: number; stdout: string; stderr: string }> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), RUN_DEADLINE_MS);
    const stdout = await new Response(this.child.stdout).text();
    await this.#read;
    const { code, signal } = await this.child.status;
    clearTimeout(timer);
    this.collect();
    return { rc: signal === null ? code : -1, stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch { /* it has ended */ }
    if (!this.child.stdout.locked) await this.child.stdout.cancel();
    await this.#read;
    await this.child.status;
  }
}

/** `<134>Nov  5 07:08:09 csync2[42]: text` -> `<134>text`. */
function withoutHead(message: string): string {
  const parts = /^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d csync2\[\d+\]: ([^]*?)\n?$/.exec(message);
  assert.ok(parts, message);
  return parts[1]! + parts[2]!;
}

/** Time and process numbers as place holders. */
export function masked(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\d/g, "DATE").replace(/\b\d{1,2}:\d\d:\d\d\b/g, "TIME")
    .replace(/^<\d+> /gm, "<N> ").replace(/(?<=\] )<\d+> /g, "<N> ").replace(
      /:\d+(?= as |\.$| \()/gm,
      ":PORT",
    );
}
