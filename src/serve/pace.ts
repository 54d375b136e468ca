/** A delta has to keep moving: whoever sends it keeps a path locked. */
import { type ByteStream, CsyncError } from "../model/mod.ts";

export interface Pace {
  /** LIMIT: less than what others wait for a path before they are told that it is busy. @default {30_000} */
  readonly windowMs?: number;
  /** LIMIT: bytes in each window; a line of 1,200 baud does it. @default {4_096} */
  readonly leastBytes?: number;
}

/** Too little came. The connection ends, for nobody knows what follows. */
export class Stalled extends CsyncError {
  override readonly name = "Stalled";
  constructor(bytes: number, windowMs: number) {
    super("protocol/stalled", {
      message: `Gave up on a file: only ${bytes} bytes of it came in ${windowMs / 1_000} s`,
    });
  }
}

/** Turns of the promise queue that a piece takes which is only passed on. */
const TURNS = 8;

/**
 * The pieces of `stream`, by hand: whoever stops early leaves the rest to be read. Only the time counts
 * in which somebody waits for them.
 *
 * @throws Stalled from `next`
 */
export function paced(
  stream: ByteStream,
  { windowMs = 30_000, leastBytes = 4_096 }: Pace = {},
): Pick<AsyncIterator<Uint8Array>, "next"> {
  const pieces = stream[Symbol.asyncIterator]();
  let bytes = 0, waitedMs = 0;
  const inTime = async (pulled: Promise<IteratorResult<Uint8Array>>) => {
    const { promise, reject } = Promise.withResolvers<never>();
    const begun = performance.now();
    const timer = setTimeout(
      () => reject(new Stalled(bytes, windowMs)),
      Math.max(0, windowMs - waitedMs),
    );
    try {
      return await Promise.race([pulled, promise]);
    } finally {
      clearTimeout(timer);
      waitedMs += performance.now() - begun;
    }
  };
  return {
    async next() {
      const pulled = pieces.next();
      let isHere = false;
      const here = () => isHere = true;
      pulled.then(here, here); // it fails when the connection is closed, and nobody waits for it
      // PERF: what has come already needs no timer.
      for (let turn = 0; turn < TURNS && !isHere; turn++) await undefined;
      const result = isHere ? await pulled : await inTime(pulled);
      if (!result.done) bytes += result.value.length;
      if (bytes >= leastBytes) bytes = waitedMs = 0;
      return result;
    },
  };
}
