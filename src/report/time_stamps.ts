/** TIMESTAMP and TOTALTIME lines of `-t` and `-s` (D 4.7). */

/** A stamp is repeated before a message when the last one is older. */
const STAMP_EVERY_MS = 300_000;

/** Clock time in pieces that can be printed; the local zone, as `date +%Z` and `%z` say it. */
export function stampText(at: Date): string {
  const pad = (n: number, width = 2) => String(n).padStart(width, "0");
  const east = -at.getTimezoneOffset();
  const offset = `${east < 0 ? "-" : "+"}${pad(Math.trunc(Math.abs(east) / 60))}${
    pad(Math.abs(east) % 60)
  }`;
  const day = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `TIMESTAMP: ${day} ${clockText(at)} ${zoneText(at)} (GMT${offset})`;
}

/** `CET`. Each English locale knows the abbreviations of its own part of the world. */
function zoneText(at: Date): string {
  const names = ["en-US", "en-GB", "en-AU"].map((locale) =>
    new Intl.DateTimeFormat(locale, { timeZoneName: "short" })
      .formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "UTC"
  );
  return names.find((name) => /^[A-Z]+$/.test(name)) ?? names[0]!;
}

/** `12:03:59`. */
export function clockText(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((n) => String(n).padStart(2, "0")).join(":");
}

/** Prints a stamp at the start, now and then before messages, and at the end with the total time. */
export class TimeStamps {
  readonly #started: number;
  #last = 0;

  /**
   * @param emit takes a line without LF, and the number of the connection that it belongs to
   * @param now the clock
   */
  constructor(
    private readonly emit: (line: string, connection?: number) => void,
    private readonly now: () => Date,
  ) {
    this.#started = now().getTime();
    this.stamp();
  }

  stamp(): void {
    const at = this.now();
    this.#last = at.getTime();
    this.emit(stampText(at));
  }

  stampIfOld(): void {
    if (this.now().getTime() - this.#last > STAMP_EVERY_MS) this.stamp();
  }

  /** @param isFatal a run that ended early has one more stamp and no total */
  finish(isFatal: boolean): void {
    this.stamp();
    if (!isFatal) this.emit(totalText(this.now().getTime() - this.#started));
  }

  /** A server's connection begins. @returns to be called at its end: one stamp, and how long it took */
  ofConnection(number: number): () => void {
    const started = this.now().getTime();
    return () => {
      const at = this.now();
      this.#last = at.getTime();
      this.emit(stampText(at), number);
      this.emit(totalText(at.getTime() - started), number);
    };
  }
}

/** `TOTALTIME: 1:02:05`. */
function totalText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [minutes, hours] = [Math.floor(seconds / 60) % 60, Math.floor(seconds / 3_600)];
  const pad = (n: number) => String(n).padStart(2, "0");
  return `TOTALTIME: ${hours}:${pad(minutes)}:${pad(seconds % 60)}`;
}
