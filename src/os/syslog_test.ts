import assert from "node:assert/strict";
import { SystemLog } from "./mod.ts";

const LIBC = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const;

const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];

/** The log's end of a socket. */
class Receiver implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", LIBC);
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = this.#libc.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = new Uint8Array([AF_UNIX, 0, ...new TextEncoder().encode(path), 0]);
    assert.equal(this.#libc.symbols.bind(this.#fd, address, address.length), 0);
  }

  /** The next message, undefined when there is none. */
  next(): string | undefined {
    const into = new Uint8Array(4_096);
    const length = this.#libc.symbols.recv(this.#fd, into, BigInt(into.length), MSG_DONTWAIT);
    return length < 0 ? undefined : String.fromCharCode(...into.subarray(0, length));
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}

const TIME = { now: () => new Date(2026, 10, 5, 7, 8, 9), pid: 42 };

/** A path for the socket; the folder is gone afterwards. */
function withPath(work: (path: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    work(`${dir}/log`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("SystemLog writes bytes in the form of the C library, and drops them without a log", () =>
  withPath((path) => {
    using log = new SystemLog("csync2", { ...TIME, path });
    log.write(0, "nobody hears this");
    using receiver = new Receiver(path);
    log.write(0, "bad \xff\0.");
    log.write(1, "info");
    log.write(4, "debug");
    assert.equal(receiver.next(), "<132>Nov  5 07:08:09 csync2[42]: Messages lost: 1");
    assert.equal(receiver.next(), "<132>Nov  5 07:08:09 csync2[42]: bad \xff?.");
    assert.equal(receiver.next(), "<134>Nov  5 07:08:09 csync2[42]: info");
    assert.equal(receiver.next(), "<135>Nov  5 07:08:09 csync2[42]: debug");
  }));

Deno.test("SystemLog finds a log that was started anew", () =>
  withPath((path) => {
    using log = new SystemLog("csync2", { ...TIME, path });
    {
      using first = new Receiver(path);
      log.write(1, "one");
      assert.match(first.next() ?? "", /: one$/);
    }
    Deno.removeSync(path);
    using second = new Receiver(path);
    log.write(1, "two");
    assert.match(second.next() ?? "", /: two$/);
  }));

Deno.test("SystemLog waits a second, once, for a log that does not read, and says what is lost", () =>
  withPath((path) => {
    using receiver = new Receiver(path);
    using log = new SystemLog("csync2", { ...TIME, path });
    const started = performance.now();
    for (let n = 0; n < 5_000; n++) log.write(1, `message ${n}`);
    const tookMs = performance.now() - started;
    assert.ok(tookMs > 900 && tookMs < 1_000_000, `${tookMs}`);
    let heard = 0;
    while (receiver.next() !== undefined) heard++;
    log.write(1, "again");
    assert.match(receiver.next() ?? "", new RegExp(`: Messages lost: ${5_000 - heard}$`));
    assert.match(receiver.next() ?? "", /: again$/);
  }));
