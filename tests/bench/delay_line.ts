/**
 * A line with a delay between two network namespaces: two TUN devices, and a process that hands each
 * packet over when its time has come. What `tc netem delay` does, on kernels that have none; TCP with its
 * windows is the kernel's own.
 *
 * As a program: `deno run -A delay_line.ts MS NAME ADDRESS NAME ADDRESS` serves until it is ended.
 */
import { run } from "./process.ts";

const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;
const O_RDWR_NONBLOCK = 0o4002;
const POLLIN = 1;
/** Large, so that the processor that both ends share is not spent on packets. */
const MTU = 9_000;
const QUEUE = 20_000;

interface End {
  /** Of the namespace. */
  readonly name: string;
  readonly address: string;
}

/** A line that exists as long as this object. */
export class DelayLine implements AsyncDisposable {
  private constructor(readonly ends: readonly [End, End], readonly child: Deno.ChildProcess) {}

  /** @param ms one way */
  static async open(ms: number): Promise<DelayLine> {
    const ends: [End, End] = [
      { name: `csync2-bench-a-${Deno.pid}`, address: "10.78.0.1" },
      { name: `csync2-bench-b-${Deno.pid}`, address: "10.78.0.2" },
    ];
    for (const { name } of ends) {
      await run("ip", "netns", "add", name);
      await run("ip", "-n", name, "link", "set", "lo", "up");
    }
    const words = ends.flatMap(({ name, address }) => [name, address]);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", import.meta.filename!, `${ms}`, ...words],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const line = new DelayLine(ends, child);
    const { done } = await child.stdout.getReader().read();
    if (!done) return line;
    await line[Symbol.asyncDispose]();
    throw new Error("The delay line did not start");
  }

  /** The words that start a command at one end. */
  within(end: 0 | 1): string[] {
    return ["ip", "netns", "exec", this.ends[end].name];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await this.child.status;
    for (const { name } of this.ends) await run("ip", "netns", "del", name);
  }
}

function library() {
  return Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    ppoll: { parameters: ["buffer", "u64", "buffer", "pointer"], result: "i32" },
  }).symbols;
}

type Library = ReturnType<typeof library>;

function openDevice(libc: Library, name: string): number {
  const fd = libc.open(new TextEncoder().encode("/dev/net/tun\0"), O_RDWR_NONBLOCK);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setInt16(16, IFF_TUN_NO_PI, true);
  if (fd < 0 || libc.ioctl(fd, BigInt(TUNSETIFF), request) < 0) {
    throw new Error(`Cannot make the device ${name}: is there /dev/net/tun, and are you root?`);
  }
  return fd;
}

async function plug(device: string, end: End, peer: End): Promise<void> {
  await run("ip", "link", "set", device, "netns", end.name);
  const ip = ["ip", "-n", end.name];
  await run(...ip, "addr", "add", end.address, "peer", peer.address, "dev", device);
  const limits = ["mtu", `${MTU}`, "txqueuelen", `${QUEUE}`];
  await run(...ip, "link", "set", device, ...limits, "up");
}

/** Packets on their way in one direction, first in, first out. */
class Pipe {
  #waiting: { readonly due: number; readonly packet: Uint8Array<ArrayBuffer> }[] = [];
  #first = 0;
  readonly #buffer = new Uint8Array(MTU + 64);

  constructor(
    private readonly libc: Library,
    private readonly from: number,
    private readonly to: number,
    private readonly ms: number,
  ) {}

  take(): void {
    for (;;) {
      const length = Number(this.libc.read(this.from, this.#buffer, BigInt(this.#buffer.length)));
      if (length <= 0) return;
      this.#waiting.push({
        due: performance.now() + this.ms,
        packet: this.#buffer.slice(0, length),
      });
    }
  }

  /** @returns milliseconds until the next packet is due */
  give(): number {
    const now = performance.now();
    while (this.#first < this.#waiting.length) {
      const { due, packet } = this.#waiting[this.#first]!;
      if (due > now) return due - now;
      this.#first++;
      this.libc.write(this.to, packet, BigInt(packet.length)); // a lost packet is sent again by TCP
    }
    this.#waiting = [];
    this.#first = 0;
    return 1_000;
  }
}

async function serve([ms = "", ...words]: readonly string[]): Promise<void> {
  const [nameA = "", addressA = "", nameB = "", addressB = ""] = words;
  const a = { name: nameA, address: addressA }, b = { name: nameB, address: addressB };
  const libc = library();
  const devices = [`dl${Deno.pid}a`, `dl${Deno.pid}b`] as const;
  const fds = devices.map((device) => openDevice(libc, device));
  await plug(devices[0], a, b);
  await plug(devices[1], b, a);
  const pipes = [
    new Pipe(libc, fds[0]!, fds[1]!, Number(ms)),
    new Pipe(libc, fds[1]!, fds[0]!, Number(ms)),
  ];
  const polled = new DataView(new ArrayBuffer(16)), timeout = new BigInt64Array(2);
  fds.forEach((fd, at) => {
    polled.setInt32(at * 8, fd, true);
    polled.setInt16(at * 8 + 4, POLLIN, true);
  });
  console.log("ready");
  for (;;) {
    for (const pipe of pipes) pipe.take();
    const wait = Math.min(...pipes.map((pipe) => pipe.give()));
    timeout[1] = BigInt(Math.min(999_000_000, Math.ceil(wait * 1e6)));
    libc.ppoll(polled.buffer, 2n, timeout, null);
  }
}

if (import.meta.main) await serve(Deno.args);
