/** A peer in memory: objects by name, its own marks, and a log of what it was asked. */
import assert from "node:assert/strict";
import { contentOf, drain, patch, signature, signatureOfNothing } from "../../src/delta/mod.ts";
import {
  checkText,
  CONFLICT,
  CsyncError,
  type DbName,
  type DirtyMark,
  DONE,
  failed,
  fromBytes,
  type HostName,
  type Key,
  type Nanos,
  nanos,
  NOTHING_IGNORED,
  type Outcome,
  parent,
  PARENT_MISSING,
  percentEncode,
  type Present,
  type Refusal,
  toBytes,
} from "../../src/model/mod.ts";
import type {
  BulkPeer,
  DeltaSource,
  ListedRow,
  LookResult,
  Offer,
  OfferAnswer,
  Peer,
  PutOptions,
  SmallPut,
  ThereView,
  WantedCopy,
  WholeContent,
} from "../../src/protocol/mod.ts";

export interface FakeObject {
  entry: Present;
  content: string;
}

/** What a peer may be made to do instead of answering properly. */
export interface FakePeerOptions {
  /** Called before each request with its log line; what it returns is the answer. It may throw. */
  readonly instead?: (request: string) => Refusal | void | Promise<Refusal | void>;
  readonly timeUnit?: "seconds" | "nanos";
  /** @default {1} */
  readonly window?: number;
  /** Rows of LIST. */
  readonly rows?: readonly ListedRow[];
  /** Files that it has from the start. */
  readonly files?: Readonly<Record<string, string>>;
  /** Pieces of TYPE by name. */
  readonly contents?: Readonly<Record<string, string>>;
  /** Rows of an offer: then it speaks the fast dialect. @default classic */
  readonly maxOffers?: number;
  /** Whether it makes files from others, with `maxOffers`. @default {false} */
  readonly copies?: boolean;
  /** Rows of one `putMany`, with `maxOffers`. @default {4} */
  readonly maxPuts?: number;
  /** Bytes of its contents. @default {64} */
  readonly maxPutBytes?: number;
}

const KEY = "k" as Key;

export class FakePeer implements Peer {
  readonly dialect: "classic" | "fast";
  readonly bulk?: BulkPeer;
  readonly window: number;
  readonly timeUnit: "seconds" | "nanos";
  readonly objects = new Map<string, FakeObject>();
  /** Names with a mark of the peer's own. */
  readonly dirty = new Set<string>();
  readonly log: string[] = [];
  /** Names that came together. */
  readonly batches: (readonly string[])[] = [];
  /** Names whose record there is not what is on its disk. */
  readonly outdated = new Set<string>();
  isDisposed = false;
  readonly #options: FakePeerOptions;

  constructor(options: FakePeerOptions = {}) {
    this.#options = options;
    const { maxOffers } = options;
    this.dialect = maxOffers === undefined ? "classic" : "fast";
    this.timeUnit = options.timeUnit ?? (maxOffers === undefined ? "seconds" : "nanos");
    if (maxOffers !== undefined) {
      const copy = options.copies && { copy: (want: WantedCopy) => this.#copied(want) };
      const { maxPuts = 4, maxPutBytes = 64 } = options;
      const limits = { maxOffers, maxPuts, maxPutBytes };
      this.bulk = {
        ...limits,
        offer: (rows) => this.#offered(rows),
        putMany: (puts) => this.#putAll(puts),
        ...copy,
      };
    }
    this.window = options.window ?? 1;
    for (const [name, content] of Object.entries(options.files ?? {})) this.file(name, content);
  }

  /** Makes a file of the peer. */
  file(name: string, content: string, mtime = 0n): void {
    const meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(mtime) };
    this.objects.set(name, { entry: { kind: "reg", meta, size: content.length }, content });
  }

  /** Makes a directory of the peer. */
  directory(name: string): void {
    const meta = { mode: 0o040755, uid: 0, gid: 0, mtime: nanos(0n) };
    this.objects.set(name, { entry: { kind: "dir", meta }, content: "" });
  }

  async #asked(request: string): Promise<Refusal | void> {
    if (this.isDisposed) throw new Error("Used after dispose");
    this.log.push(request);
    await Promise.resolve();
    return await this.#options.instead?.(request);
  }

  async identify(myName: HostName): Promise<Outcome> {
    if (this.log.findLast((line) => line.startsWith("HELLO")) === `HELLO ${myName}`) return DONE;
    return await this.#asked(`HELLO ${myName}`) ?? DONE;
  }

  async look<T>(
    _key: Key,
    name: DbName,
    judge: (there: ThereView) => Promise<T>,
  ): Promise<LookResult<T>> {
    const refusal = await this.#asked(`SIG ${name}`);
    if (refusal !== undefined) return refusal;
    const there = this.objects.get(name);
    if (there === undefined) return this.#missing(name);
    const { entry, content } = there;
    const time = this.bulk === undefined ? "zero" : "nanos";
    const text = checkText(entry, { time, ignored: NOTHING_IGNORED });
    if (this.bulk !== undefined) {
      const digest = async () => {
        this.log.push(`DIGEST ${name}`);
        const hash = await crypto.subtle.digest("SHA-256", toBytes(content));
        return entry.kind === "reg" ? new Uint8Array(hash) : undefined;
      };
      return {
        kind: "there",
        judged: await judge({ checkText: text, signature: none(), digest }),
      };
    }
    const sums = entry.kind === "reg" ? signature(contentOf(toBytes(content))).bytes : none();
    return { kind: "there", judged: await judge({ checkText: text, signature: sums }) };
  }

  #missing(name: DbName): { readonly kind: "absent" } | Refusal {
    const above = parent(name);
    const isTop = above === undefined ||
      [...this.objects.keys()].every((n) => n.length >= name.length);
    return isTop || this.objects.get(above)?.entry.kind === "dir"
      ? { kind: "absent" }
      : PARENT_MISSING;
  }

  async #offered(rows: readonly Offer[]): Promise<OfferAnswer[]> {
    assert.ok(rows.length > 0 && rows.length <= this.bulk!.maxOffers);
    const refusal = await this.#asked(`OFFER ${rows.map(({ name }) => name).join(" ")}`);
    return rows.map(({ name, here, isCurrent }): OfferAnswer => {
      if (refusal !== undefined) return refusal;
      const there = this.objects.get(name);
      if (there === undefined) return this.#missing(name);
      const [ours, theirs] = [there.entry, here].map((entry) => {
        const text = checkText(entry, { time: "nanos", ignored: NOTHING_IGNORED });
        return `${text} ${entry.meta.mtime}`;
      });
      const isSame = ours === theirs && isCurrent && !this.outdated.has(name) &&
        !this.dirty.has(name);
      if (isSame) return { kind: "same" };
      const checked = checkText(there.entry, { time: "nanos", ignored: NOTHING_IGNORED });
      return { kind: "there", checkText: checked };
    });
  }

  async #copied({ name, here, like, digest }: WantedCopy): Promise<Outcome | undefined> {
    const refusal = await this.#asked(`COPY ${like.name} ${name}`);
    if (refusal !== undefined) return refusal;
    const from = this.objects.get(like.name);
    if (this.objects.has(name) || from?.entry.kind !== "reg") return undefined;
    if (this.#missing(name).kind !== "absent") return PARENT_MISSING;
    const hash = await crypto.subtle.digest("SHA-256", toBytes(from.content));
    if (!new Uint8Array(hash).every((byte, at) => byte === digest[at])) return undefined;
    this.objects.set(name, { entry: here, content: from.content });
    return DONE;
  }

  /** One after the other, each as `put` does it; the log has them all. */
  async #putAll(puts: readonly SmallPut[]): Promise<Outcome[]> {
    const { maxPuts, maxPutBytes } = this.bulk!;
    const bytes = puts.reduce((sum, { content }) => sum + content.length, 0);
    assert.ok(puts.length > 0 && puts.length <= maxPuts, `${puts.length} files at once`);
    assert.ok(bytes <= maxPutBytes || puts.length === 1, `${bytes} bytes at once`);
    const names = puts.map(({ name }) => name);
    this.batches.push(names);
    const refusal = await this.#options.instead?.(`PUTS ${names.join(" ")}`);
    if (refusal !== undefined) return puts.map(() => refusal);
    const outcomes: Outcome[] = [];
    for (const { name, want, content } of puts) {
      assert.equal(content.length, want.size);
      const whole = { size: want.size, all: content, bytes: none(), isStillValid: () => true };
      outcomes.push(await this.put(KEY, name, want, undefined, { whole: () => whole }));
    }
    return outcomes;
  }

  async put(
    _key: Key,
    name: DbName,
    want: Present,
    delta?: DeltaSource,
    { whole }: PutOptions = {},
  ): Promise<Outcome> {
    const request = `PUT ${want.kind} ${name}`;
    // Contents come without a question before.
    const lacksParent = this.bulk !== undefined && !this.objects.has(name) &&
      !this.dirty.has(name) && this.#missing(name).kind !== "absent";
    if (lacksParent) {
      this.log.push(request);
      return PARENT_MISSING;
    }
    const refusal = await this.#asked(request);
    if (refusal !== undefined) return refusal;
    if (this.dirty.has(name)) return CONFLICT;
    let content = "";
    if (want.kind === "reg" && this.bulk !== undefined) {
      const sent = await wholeOf(whole!());
      if (sent === undefined) return failed("Taken back");
      content = sent;
    } else if (want.kind === "reg") {
      const old = this.objects.get(name);
      const basis = contentOf(toBytes(old?.entry.kind === "reg" ? old.content : ""));
      const sums = old === undefined ? signatureOfNothing() : signature(basis);
      const stream = await delta!(sums.bytes);
      if (stream === undefined) return failed("Input/output error");
      try {
        const write = (bytes: Uint8Array) => void (content += fromBytes(bytes));
        await patch(stream.bytes, { basis, write, maxBytes: 1e9 });
      } catch {
        await drain(stream.bytes);
        return failed("No such file or directory");
      }
    }
    this.objects.set(name, { entry: want, content });
    return DONE;
  }

  async remove(_key: Key, name: DbName): Promise<Outcome> {
    const refusal = await this.#asked(`DEL ${name}`);
    if (refusal !== undefined) return refusal;
    if (this.dirty.has(name)) return CONFLICT;
    if ([...this.objects.keys()].some((n) => n.startsWith(`${name}/`))) {
      return failed("Directory not empty");
    }
    this.objects.delete(name);
    return DONE;
  }

  async touch(_key: Key, name: DbName, mtime: Nanos): Promise<Outcome> {
    const refusal = await this.#asked(`SETIME ${name} ${mtime}`);
    if (refusal !== undefined) return refusal;
    const there = this.objects.get(name);
    if (there === undefined) return failed("No such file or directory");
    there.entry = { ...there.entry, meta: { ...there.entry.meta, mtime } };
    return DONE;
  }

  async flush(_key: Key, name: DbName): Promise<Outcome> {
    const refusal = await this.#asked(`FLUSH ${name}`);
    if (refusal !== undefined) return refusal;
    this.dirty.delete(name);
    return DONE;
  }

  async measure(
    _key: Key,
    name: DbName,
    of: "mtime" | "size",
  ): Promise<bigint | undefined | Refusal> {
    const refusal = await this.#asked(`${of === "mtime" ? "GETTM" : "GETSZ"} ${name}`);
    if (refusal !== undefined) return refusal;
    const there = this.objects.get(name);
    if (there === undefined) return undefined;
    return of === "mtime" ? there.entry.meta.mtime : BigInt(there.content.length);
  }

  async *list(
    peer: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncGenerator<readonly ListedRow[]> {
    const refusal = await this.#asked(`LIST ${peer} ${only ?? "-"} ${keys.length}`);
    if (refusal !== undefined) {
      throw new CsyncError("protocol/line", { message: JSON.stringify(refusal) });
    }
    for (const row of this.#options.rows ?? []) {
      if (only === undefined || percentEncode(only) === row.key) yield [row];
    }
  }

  async content(_key: Key, name: DbName) {
    const refusal = await this.#asked(`TYPE ${name}`);
    if (refusal !== undefined) return refusal;
    const text = this.#options.contents?.[name] ?? this.objects.get(name)?.content ?? "";
    return pieces(text);
  }

  /** Marks of ours that were sent, as the peer would see them. */
  has(name: string): string | undefined {
    return this.objects.get(name)?.content;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    return Promise.resolve();
  }
}

async function* none() {}

/** Undefined when it was taken back. */
async function wholeOf(whole: WholeContent): Promise<string | undefined> {
  let text = "";
  if (whole.all !== undefined) text = fromBytes(whole.all);
  else for await (const piece of whole.bytes) text += fromBytes(piece);
  if (!whole.isStillValid()) return undefined;
  assert.equal(text.length, whole.size);
  return text;
}

/** In small pieces in one buffer, which is valid until the next pull only. */
async function* pieces(text: string) {
  const buffer = new Uint8Array(Math.max(7, Math.ceil(text.length / 1_000)));
  for (let at = 0; at < text.length; at += buffer.length) {
    const piece = toBytes(text.slice(at, at + buffer.length));
    buffer.set(piece);
    yield await Promise.resolve(buffer.subarray(0, piece.length));
  }
}

/** What a broken connection throws. */
export function brokenConnection(): CsyncError {
  return new CsyncError("net/closed", { message: "Cannot read: Connection reset by peer" });
}

/** A mark for tests that need one without a check. */
export function markFor(name: DbName, peer: string, forced = false): DirtyMark {
  return { name, peer: peer as HostName, myName: "a.demo" as HostName, forced };
}
