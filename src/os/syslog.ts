/** The system's log, as the C library writes it. */
import { toBytes } from "../model/mod.ts";
import { logging } from "./libc.ts";

const LOG_PID = 1;
const LOG_LOCAL0 = 16 << 3;
/** Priorities: warning, info, debug. */
const PRIORITIES = [4, 6, 7] as const;
const FORMAT = toBytes("%s\0");

/** Messages under one name, facility local0, with the process number (D 4.7). */
export class SystemLog {
  /** The C library keeps a pointer to it. */
  readonly #ident: Uint8Array<ArrayBuffer>;

  constructor(ident: string) {
    this.#ident = toBytes(`${ident}\0`);
    logging().openlog(this.#ident, LOG_PID, LOG_LOCAL0);
  }

  /** Level 0 is a warning, 1 information, everything above it debugging. */
  write(level: number, line: string): void {
    const priority = PRIORITIES[Math.min(level, PRIORITIES.length - 1)]!;
    logging().syslog(priority, FORMAT, toBytes(line.replaceAll("\0", "?") + "\0"));
  }
}
