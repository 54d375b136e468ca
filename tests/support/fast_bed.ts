/** A server and a client of the fast dialect over memory; the server's files are in memory, too. */
import {
  type Budget,
  checkText,
  CsyncError,
  DONE,
  failed,
  type HostName,
  type Key,
  type Meta,
  nanos,
  NOTHING_IGNORED,
  type Outcome,
  type Present,
} from "../../src/model/mod.ts";
import { type Duplex, duplexPair, type DuplexPairOptions } from "../../src/net/mod.ts";
import {
  type Addressed,
  type BulkHandler,
  type Change,
  connectPeer,
  type ConnectPeerOptions,
  type KeyedIdentity,
  type KeyProofs,
  matchKeys,
  type Offered,
  type Peer,
  type RequestHandler,
  serveConnection,
  type ServeLimits,
  type ServerTls,
} from "../../src/protocol/mod.ts";
import { sized } from "./transcript.ts";

export const KEY = "k".repeat(32) as Key;
export const OTHER_KEY = "o".repeat(32) as Key;
export const ME = "a.demo" as HostName;

export interface StoredObject {
  readonly entry: Present;
  readonly content: Uint8Array;
}

/** What all handlers of one connection share. */
export class Store {
  readonly objects = new Map<string, StoredObject>();
  /** Everything that was begun and ended, in its order: `+remove /a`, `-remove /a`. */
  readonly log: string[] = [];
  /** Called inside every request; what it throws closes the connection. */
  inside: (what: string, name: string) => Promise<void> | void = () => {};
  keys: readonly string[] = [KEY];
  atWork = 0;
  mostAtWork = 0;
  forks = 0;
  disposed = 0;
  /** Pieces of TYPE, of LIST, and bytes of signatures. */
  contentBytes = 100_000;
  rows: readonly string[] = ["/a", "/b"];
  signatureBytes = 20;
  identity: KeyedIdentity["kind"] = "ok";
  /** Handlers do not read contents, but wait as `inside` says. */
  stallsContents = false;
  /** The server says that it knows every key. */
  forgesProofs = false;
}

/** A RequestHandler with bulk: says yes to everything, remembers contents. */
export class MemoryHandler implements RequestHandler {
  isIdentified = false;
  isKnown = true;

  constructor(readonly store: Store, readonly isFork = false) {}

  readonly bulk: BulkHandler = {
    identifyByKeys: async (_name: string, shown: KeyProofs) => {
      await this.#at("identify", "");
      const { keys, identity: kind, forgesProofs } = this.store;
      this.isIdentified = kind === "ok";
      if (kind !== "ok") return { kind };
      const matched = await matchKeys(keys, shown);
      if (forgesProofs) matched.answers.fill(new Uint8Array(32));
      return { kind, ...matched };
    },
    fork: () => {
      this.store.forks++;
      return new MemoryHandler(this.store, true);
    },
    offer: async (rows: readonly Offered[]) => {
      await this.#at("offer", rows.map(({ name }) => name).join(" "));
      return rows.map(({ name, here, isCurrent }) => {
        const there = this.store.objects.get(name);
        if (there === undefined) return { kind: "absent" };
        const text = (entry: Present) =>
          checkText(entry, { time: "nanos", ignored: NOTHING_IGNORED });
        if (isCurrent && text(there.entry) === text(here)) return { kind: "same" };
        return { kind: "there", checkText: text(there.entry) };
      });
    },
    digest: async ({ name }: Addressed) => {
      await this.#at("digest", name);
      const there = this.store.objects.get(name);
      if (there === undefined) return failed("No such file or directory");
      if (there.entry.kind !== "reg") return undefined;
      const digest = await crypto.subtle.digest("SHA-256", there.content.slice());
      return new Uint8Array(digest);
    },
    make: async ({ name }: Addressed, want) => {
      await this.#at("make", name);
      this.store.objects.set(name, { entry: want, content: new Uint8Array(0) });
      return DONE;
    },
    putMany: async (puts) => {
      await this.#at("putMany", puts.map(({ name }) => name).join(" "));
      return puts.map(({ name, want, content }) => {
        if (name.endsWith("/denied")) return { kind: "denied", why: "slave" };
        this.store.objects.set(name, { entry: want, content: content.slice() });
        return DONE;
      });
    },
    copy: async ({ name, here, like, digest }) => {
      await this.#at("copy", name);
      const from = this.store.objects.get(like.name);
      if (name === "/denied") return { kind: "parent-missing" };
      if (from === undefined || digest[0] !== 7) return undefined;
      this.store.objects.set(name, { entry: here, content: from.content });
      return DONE;
    },
    ranges: {
      digests: async ({ bounds }) => {
        await this.#at("ranges", bounds.join(" "));
        return bounds.slice(1).map((bound) => ({
          count: bound.length,
          digest: "\xff".repeat(32),
        }));
      },
      list: ({ range: { from, before } }) =>
        this.#rows(this.store.rows.filter((key) => key >= from && key < before)),
    },
  };

  async #at(what: string, name: string): Promise<void> {
    const { store } = this;
    store.log.push(`+${what} ${name}`);
    store.mostAtWork = Math.max(store.mostAtWork, ++store.atWork);
    try {
      await store.inside(what, name);
      store.log.push(`-${what} ${name}`);
    } finally {
      store.atWork--;
    }
  }

  secured() {}
  configure() {
    return Promise.resolve("ok" as const);
  }
  restrictGroups() {
    return Promise.resolve(true);
  }
  identify() {
    this.isIdentified = true;
    return Promise.resolve("ok" as const);
  }

  async look({ name }: Addressed) {
    await this.#at("look", name);
    const there = this.store.objects.get(name);
    if (there === undefined) return { kind: "absent" } as const;
    const text = checkText(there.entry, { time: "zero", ignored: NOTHING_IGNORED });
    return { kind: "there", checkText: text } as const;
  }
  async mark({ name }: Addressed): Promise<Outcome> {
    await this.#at("mark", name);
    return DONE;
  }
  async flush({ name }: Addressed): Promise<Outcome> {
    await this.#at("flush", name);
    return name === "/conflict" ? { kind: "conflict" } : DONE;
  }
  async change({ name }: Addressed, change: Change): Promise<Outcome> {
    await this.#at(change.kind, name);
    if (change.kind === "remove") this.store.objects.delete(name);
    if (change.kind === "mtime") {
      const there = this.store.objects.get(name);
      if (there === undefined) return failed("No such file or directory");
      const meta = { ...there.entry.meta, mtime: change.mtime };
      this.store.objects.set(name, { ...there, entry: { ...there.entry, meta } });
    }
    return DONE;
  }

  async beginPut({ name }: Addressed, meta?: Meta) {
    await this.#at("beginPut", name);
    if (name === "/denied") return { kind: "denied", why: "slave" } as const;
    const install = async (pieces: readonly Uint8Array[], isValid: boolean) => {
      await this.#at("install", name);
      if (!isValid) return failed("Input/output error");
      const content = concat(pieces);
      const entry: Present = { kind: "reg", meta: meta!, size: content.length };
      this.store.objects.set(name, { entry, content });
      return DONE;
    };
    return {
      signature: sized("s".repeat(this.store.signatureBytes)),
      apply: async (delta: AsyncIterable<Uint8Array>) => {
        const pieces = await Array.fromAsync(delta, (piece) => piece.slice());
        return await install(pieces, pieces.at(-1)?.at(-1) === DELTA_END);
      },
      applyWhole: async (
        content: AsyncIterable<Uint8Array> | Uint8Array,
        isValid: () => boolean,
      ) => {
        if (this.store.stallsContents) await this.#at("stalled", name);
        if (content instanceof Uint8Array) return await install([content], isValid());
        const pieces = await Array.fromAsync(content, (piece) => piece.slice());
        return await install(pieces, isValid());
      },
      abort: async () => {
        await this.#at("abort", name);
        return failed("Given up");
      },
      [Symbol.asyncDispose]: () => {
        this.store.log.push(`dispose ${name}`);
        return Promise.resolve();
      },
    };
  }

  async measure({ name }: Addressed, of: "mtime" | "size") {
    await this.#at("measure", name);
    const entry = this.store.objects.get(name)?.entry;
    if (entry === undefined) return undefined;
    return of === "mtime" ? entry.meta.mtime : BigInt(entry.kind === "reg" ? entry.size : 0);
  }

  async content({ name }: Addressed) {
    await this.#at("content", name);
    if (name === "/denied") return { kind: "denied", why: "no grant" } as const;
    return sized("c".repeat(this.store.contentBytes)).bytes;
  }

  async *list(query: Parameters<RequestHandler["list"]>[0]) {
    await this.#at("list", query.keys.join(" ") + (query.only ?? ""));
    yield* this.#rows(this.store.rows);
  }

  async *#rows(keys: readonly string[]) {
    for (let at = 0; at < keys.length; at += 1_000) {
      await Promise.resolve();
      yield keys.slice(at, at + 1_000).map((key) => ({ key, stored: "v1%3Atype=dir" }));
    }
  }

  [Symbol.asyncDispose]() {
    this.store.disposed++;
    return Promise.resolve();
  }
}

/** Last byte of what `apply` takes for a delta. */
export const DELTA_END = 0;

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function file(size: number, mtime = 1_700_000_000_123_456_789n): Present & { kind: "reg" } {
  return {
    kind: "reg",
    size,
    meta: { mode: 0o100640, uid: 1, gid: 4_000_000_000, mtime: nanos(mtime) },
  };
}

export interface BedOptions {
  readonly store?: Store;
  readonly client?: Partial<ConnectPeerOptions>;
  readonly limits?: ServeLimits;
  readonly speaksFast?: boolean;
  readonly pair?: DuplexPairOptions;
  /** Between the client and the wire. */
  readonly through?: (client: Duplex) => Duplex;
}

/** A connected pair; `ended` resolves with what the server noted. */
export interface Bed extends AsyncDisposable {
  readonly peer: Peer;
  readonly store: Store;
  readonly ended: Promise<unknown[]>;
}

export async function fastBed(
  { store = new Store(), client, limits, speaksFast, pair, through = (d) => d }: BedOptions = {},
): Promise<Bed> {
  const [near, far] = duplexPair({ idleMs: 5_000, ...pair });
  const ended = serve(far, { store, limits, speaksFast });
  const peer = await connectPeer({
    duplex: through(near),
    configName: "",
    keys: [KEY],
    fast: "offer",
    ...client,
  });
  return {
    peer,
    store,
    ended,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await ended;
    },
  };
}

export async function serve(
  duplex: Duplex,
  { store, limits, speaksFast, tls, memory }: {
    readonly store: Store;
    readonly memory?: Budget | undefined;
    readonly tls?: ServerTls;
    readonly limits?: ServeLimits | undefined;
    readonly speaksFast?: boolean | undefined;
  },
): Promise<unknown[]> {
  const notes: unknown[] = [];
  await serveConnection({
    duplex,
    handler: new MemoryHandler(store),
    limits,
    speaksFast,
    tls,
    memory,
    note: (error) => notes.push(error),
  });
  return notes;
}

/** As fastBed, identified. */
export async function identifiedBed(options: BedOptions = {}): Promise<Bed> {
  const bed = await fastBed(options);
  const outcome = await bed.peer.identify(ME);
  if (outcome.kind !== "done") throw new Error(`not identified: ${JSON.stringify(outcome)}`);
  return bed;
}

export function isCode(code: string) {
  return (error: unknown) => error instanceof CsyncError && error.code === code;
}
