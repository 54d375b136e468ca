/** One line on a terminal that says how far each peer is. */
import { show } from "../model/mod.ts";
import type { Progress } from "./reporter.ts";

const REDRAW_EVERY_MS = 200;

interface PeerProgress {
  total: number | undefined;
  files: number;
  bytes: number;
}

/** `12.3 MB`: three significant digits in decimal units. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; bytes >= 1_000 && at < units.length - 1; at++) bytes /= 1_000;
  return `${at === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toPrecision(3)} ${units[at]}`;
}

export interface ProgressLineOptions {
  /** Takes text with control characters. */
  readonly write: (text: string) => void;
  /** Milliseconds. */
  readonly now: () => number;
  /** Columns of the terminal. */
  readonly columns: () => number;
}

/** Draws `b: 12/400 files, 1.2 MB, 3.4 MB/s` in place; `clear` makes room for ordinary lines. */
export class ProgressLine {
  readonly #peers = new Map<string, PeerProgress>();
  readonly #options: ProgressLineOptions;
  readonly #started: number;
  #drawn = false;
  #last: number;

  constructor(options: ProgressLineOptions) {
    this.#options = options;
    this.#started = options.now();
    this.#last = this.#started;
  }

  step({ peer, total, files = 0, bytes = 0 }: Progress): void {
    const now = this.#peers.get(peer) ?? { total: undefined, files: 0, bytes: 0 };
    if (total !== undefined) now.total = total;
    now.files += files;
    now.bytes += bytes;
    this.#peers.set(peer, now);
    if (this.#options.now() - this.#last >= REDRAW_EVERY_MS) this.#draw();
  }

  clear(): void {
    if (this.#drawn) this.#options.write("\r\x1b[K");
    this.#drawn = false;
  }

  /** The text that is drawn, without control characters. */
  get text(): string {
    const seconds = Math.max((this.#options.now() - this.#started) / 1_000, 0.001);
    return [...this.#peers].map(([peer, { total, files, bytes }]) =>
      `${show(peer)}: ${files}${total === undefined ? "" : `/${total}`} files, ${
        sizeText(bytes)
      }, ${sizeText(bytes / seconds)}/s`
    ).join("  ");
  }

  #draw(): void {
    this.#last = this.#options.now();
    const text = this.text.replace(/[\x00-\x1f\x7f]/g, "?").slice(0, this.#options.columns() - 1);
    this.#options.write(`\r${text}\x1b[K`);
    this.#drawn = true;
  }
}
