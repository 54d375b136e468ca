/**
 * The system's log: lines to the socket `/dev/log`, in the form of the C library.
 *
 * Not by its `syslog()`: that one waits for ever when the log does not read what it gets.
 */
import { toBytes } from "../model/mod.ts";
import { lastErrno, logging, reading } from "./libc.ts";

/** Priorities: warning, info, debug; facility local0 (D 4.7). */
const PRIORITIES = [4, 6, 7] as const;
const LOG_LOCAL0 = 16 << 3;

const AF_UNIX = 1;
/** Datagrams, or a stream for logs of old. */
const SOCKET_TYPES = [2, 1] as const;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDTIMEO = 21;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11;
/** Longest wait for a log that does not read. After it messages are lost, until the log reads again. */
const WAIT_SECONDS = 1n;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export interface SystemLogOptions {
  readonly now: () => Date;
  readonly pid: number;
  /** @default {"/dev/log"} */
  readonly path?: string;
  /** A message could not be given to the log; called once until the log takes them again. */
  readonly onLost?: () => void;
}

/** Messages under one name, with the process number. Without a log they are dropped, as by the C library. */
export class SystemLog implements Disposable {
  #fd = -1;
  #isStream = false;
  #isStuck = false;
  #lost = 0;

  constructor(private readonly ident: string, private readonly options: SystemLogOptions) {}

  /** Level 0 is a warning, 1 information, everything above it debugging. */
  write(level: number, line: string): void {
    const priority = PRIORITIES[Math.min(level, PRIORITIES.length - 1)]!;
    if (this.#lost > 0 && this.#send(PRIORITIES[0], `Messages lost: ${this.#lost}`)) {
      this.#lost = 0;
    }
    if (this.#lost > 0 || !this.#send(priority, line)) this.#lose();
  }

  #lose(): void {
    if (this.#lost++ === 0) this.options.onLost?.();
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) reading().close(this.#fd);
    this.#fd = -1;
  }

  /** @returns whether the message has gone to the log. A log that was started anew is connected to again. */
  #send(priority: number, line: string): boolean {
    const { now, pid } = this.options;
    const text = line.replaceAll("\0", "?");
    const message = `<${LOG_LOCAL0 | priority}>${stamp(now())} ${this.ident}[${pid}]: ${text}`;
    const wasConnected = this.#fd >= 0;
    return this.#sendOnce(message) || (wasConnected && !this.#isStuck && this.#sendOnce(message));
  }

  #sendOnce(message: string): boolean {
    if (this.#fd < 0 && !this.#connect()) return false;
    const bytes = toBytes(this.#isStream ? `${message}\0` : message);
    const flags = MSG_NOSIGNAL | (this.#isStuck ? MSG_DONTWAIT : 0);
    const sent = logging().send(this.#fd, bytes, bytes.length, flags);
    this.#isStuck = sent < 0 && lastErrno() === EAGAIN;
    // Half a message in a stream would be the beginning of the next one.
    if (sent !== bytes.length && !this.#isStuck) this[Symbol.dispose]();
    return sent === bytes.length;
  }

  #connect(): boolean {
    const { path = "/dev/log" } = this.options;
    const address = new Uint8Array([AF_UNIX, 0, ...toBytes(path), 0]);
    const wait = new BigInt64Array([WAIT_SECONDS, 0n]);
    for (const type of SOCKET_TYPES) {
      this.#fd = logging().socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
      if (this.#fd < 0) return false;
      this.#isStream = type !== SOCKET_TYPES[0];
      logging().setsockopt(this.#fd, SOL_SOCKET, SO_SNDTIMEO, wait, wait.byteLength);
      if (logging().connect(this.#fd, address, address.length) === 0) return true;
      this[Symbol.dispose]();
    }
    return false;
  }
}

/** `Nov  5 07:08:09`, local time. */
function stamp(time: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)} ${clock}`;
}
