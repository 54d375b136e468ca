/** Small files that are put together: one request and one promise for all of them. */
import type { DirtyRow, Key, Located, Regular } from "../model/mod.ts";
import type { BulkPeer, SmallPut } from "../protocol/mod.ts";
import { afterPut } from "./carry_out.ts";
import { memorySource, OutgoingContent } from "./content.ts";
import type { PushContext } from "./context.ts";
import { HeldReporter } from "./held_reporter.ts";
import * as say from "./messages.ts";
import type { Seen } from "./offered.ts";
import { type Push, type PushResult, unreadable } from "./push.ts";
import type { Path } from "./related_paths.ts";
import { Failure, type UnderWay } from "./under_way.ts";

/** A file that may be put with others; its content was read. */
export interface SmallRow extends SmallPut<Key> {
  readonly row: DirtyRow;
  readonly seen: Seen;
  readonly at: Located;
  readonly want: Regular;
}

export interface PutBatchOptions {
  readonly context: PushContext;
  readonly bulk: BulkPeer;
  /** Nobody looks at the content of the row any more. */
  readonly onOver: (row: SmallRow) => void;
}

/** What came of a row for which more had to be done. */
interface Followed {
  readonly reporter: HeldReporter;
  result: PushResult | Failure;
}

export class PutBatch {
  readonly #options: PutBatchOptions;
  readonly #puts: SmallRow[] = [];
  #bytes = 0;
  /** Under way above one of the files when that came. */
  readonly #above = new Set<UnderWay>();
  /** Rows that were not simply done. */
  readonly #followed = new Map<number, Followed>();
  #failure: Failure | undefined;
  #end: Promise<void> | undefined;
  #isOver = false;
  /** It was sent. */
  hasBegun = false;

  constructor(options: PutBatchOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#puts.length;
  }

  /** Whether there is room for one more of that size, and it was not sent yet. */
  takes(size: number): boolean {
    const { maxPuts, maxPutBytes } = this.#options.bulk;
    return this.#end === undefined && this.#puts.length < maxPuts &&
      this.#bytes + size <= maxPutBytes;
  }

  /** @param above what is under way above it, for which it does not wait: the peer keeps the order */
  add(put: SmallRow, above: readonly UnderWay[]): void {
    this.#puts.push(put);
    this.#bytes += put.want.size;
    for (const one of above) this.#above.add(one);
  }

  /** Sends them. @returns as UnderWay.end */
  end(): Promise<void> | undefined {
    return this.#isOver ? undefined : this.#end ??= this.#run();
  }

  result(n: number): PushResult | Failure {
    return this.#failure ?? this.#followed.get(n)?.result ?? "settled";
  }

  want(n: number): Regular {
    return this.#puts[n]!.want;
  }

  tell(n: number): void {
    const { context: { reporter, peerName: peer, wasPut } } = this.#options;
    const { name, want } = this.#puts[n]!;
    if (reporter.wants(1)) reporter.note(say.started({ name, peer, isRemoval: false }));
    this.#followed.get(n)?.reporter.tell();
    if (this.result(n) === "settled") wasPut(name, want, want.size);
  }

  async #run(): Promise<void> {
    const { bulk } = this.#options;
    try {
      const later = [...this.#above].filter((one) => !one.hasBegun);
      if (later.length > 0) await Promise.all(later.map((one) => one.end()));
      this.hasBegun = true;
      const above = [...this.#above].flatMap((one) => one.end() ?? []);
      const outcomes = await bulk.putMany(this.#puts);
      const open: Promise<void>[] = [];
      for (let n = 0; n < outcomes.length; n++) {
        if (outcomes[n]!.kind !== "done") {
          open.push(this.#follow(n, { outcome: outcomes[n]!, above }));
        }
      }
      if (open.length > 0) await Promise.all(open);
      this.#free();
    } catch (cause) {
      this.#failure = new Failure(cause);
    }
    this.#isOver = true;
  }

  /** By itself, as any other row. Never rejects. */
  async #follow(n: number, came: Parameters<typeof afterPut>[2]): Promise<void> {
    const { context } = this.#options;
    const reporter = new HeldReporter(context.reporter);
    const followed: Followed = { reporter, result: "kept" };
    this.#followed.set(n, followed);
    const push = this.#pushOf(n, { ...context, reporter }), { want } = this.#puts[n]!;
    try {
      followed.result = await afterPut(push, want, came);
    } catch (error) {
      followed.result = unreadableOr(push, error);
    }
  }

  #pushOf(n: number, context: PushContext): Push {
    const { row, name, key, at, want, seen, content } = this.#puts[n]!;
    const job = { context, name, peer: context.peerName, isRemoval: false };
    const source = new OutgoingContent(memorySource(content));
    return { ...job, row, key, at, here: want, seen, content: source };
  }

  /** What is still looked at after a failure nobody knows. */
  #free(): void {
    for (const { result } of this.#followed.values()) if (result instanceof Failure) return;
    for (const put of this.#puts) this.#options.onOver(put);
  }
}

function unreadableOr(push: Push, error: unknown): PushResult | Failure {
  try {
    return unreadable(push, error);
  } catch (cause) {
    return new Failure(cause);
  }
}

/** Rows of a batch one behind the other; between them and others of it there are rows of another kind. */
export class PutRows implements UnderWay {
  readonly rows: DirtyRow[] = [];
  readonly paths: Path[] = [];
  bytes = 0;
  readonly batch: PutBatch;
  readonly #from: number;

  /** For those that come next. */
  constructor(batch: PutBatch) {
    this.batch = batch;
    this.#from = batch.count;
  }

  get hasBegun(): boolean {
    return this.batch.hasBegun;
  }

  add(put: SmallRow, path: Path): void {
    this.rows.push(put.row);
    this.paths.push(path);
    this.bytes += put.want.size;
  }

  end(): Promise<void> | undefined {
    return this.batch.end();
  }

  isNext(): void {}

  result(n: number): PushResult | Failure {
    return this.batch.result(this.#from + n);
  }

  sent(n: number): Regular {
    return this.batch.want(this.#from + n);
  }

  tell(n: number): void {
    this.batch.tell(this.#from + n);
  }

  free(): void {} // the batch does it
}
