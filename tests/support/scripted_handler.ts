/** A RequestHandler that gives the answers of a recording and checks that it is asked the same. */
import assert from "node:assert/strict";
import {
  type ByteStream,
  type Change,
  CONFLICT,
  DONE,
  failed,
  fromEitherUnit,
  type Meta,
  type Outcome,
  PARENT_MISSING,
  type Refusal,
} from "../../src/model/mod.ts";
import type {
  Addressed,
  ListedRow,
  LookReply,
  PutSession,
  RequestHandler,
} from "../../src/protocol/mod.ts";
import { type Exchange, gather, sized } from "./transcript.ts";

/** Replies that a server gives without asking its handler. */
const OWN_REPLIES_REGEXP = /^(Dear |Unkn?own command!|Permission denied!$)/;

/** What a recorded status line means. */
export function meaning(line: string): Outcome {
  if (line.startsWith("OK (")) return DONE;
  if (line === "File is also marked dirty here!") return CONFLICT;
  if (line === "Parent dir missing.") return PARENT_MISSING;
  if (line === "Permission denied for slave!") return { kind: "denied", why: "slave" };
  if (line === "Permission denied!") return { kind: "denied", why: "no grant" };
  return failed(line);
}

export class ScriptedHandler implements RequestHandler {
  isIdentified = false;
  isKnown = true;
  isSecured = false;
  disposedPuts = 0;
  readonly changes: Change[] = [];
  readonly metas: (Meta | undefined)[] = [];
  readonly #exchanges: Exchange[];

  constructor(exchanges: readonly Exchange[]) {
    this.#exchanges = [...exchanges];
  }

  /** Exchanges that nobody asked about although their replies could only come from here. */
  get unasked(): string[] {
    return this.#exchanges.filter((e) => !isOwn(e) && e.word !== "BYE").map((e) => e.line);
  }

  #take(words: readonly string[], at?: Addressed): Exchange {
    while (true) {
      const next = this.#exchanges.shift();
      assert(next !== undefined, `asked for ${words} without a recorded exchange`);
      const isIt = words.includes(next.word) &&
        (at === undefined || (next.args[0] === at.key && next.args[1] === at.name));
      if (isIt) return next;
      assert(isOwn(next), `asked for ${words} when "${next.line}" was due`);
    }
  }

  secured(): void {
    this.isSecured = true;
  }

  configure(name: string): Promise<"ok"> {
    const { args } = this.#take(["CONFIG"]);
    assert.equal(name, args[0] ?? "");
    return Promise.resolve("ok");
  }

  restrictGroups(list: readonly string[]): Promise<boolean> {
    const { args, lines } = this.#take(["GROUP"]);
    assert.equal(list.join(","), args[0]);
    return Promise.resolve(lines[0]!.startsWith("OK ("));
  }

  identify(name: string): Promise<"ok" | "failed" | "encryption-expected"> {
    const { args, lines } = this.#take(["HELLO"]);
    assert.equal(name, args[0]);
    this.isIdentified = lines[0]!.startsWith("OK (");
    return Promise.resolve(this.isIdentified ? "ok" : "failed");
  }

  look(at: Addressed): Promise<LookReply> {
    const { lines, signature } = this.#take(["SIG"], at);
    const [status, checkText = "", header] = lines;
    if (status === "OK (path_not_found).") return Promise.resolve({ kind: "absent" });
    if (status === "OK (not_found).") return Promise.resolve({ kind: "behind-link" });
    if (status !== "OK (data_follows).") return Promise.resolve(meaning(status!) as Refusal);
    // W 20.2: what a C server cannot sign, ours refuses.
    if (header === "octet-stream -1") return Promise.resolve(failed("Permission denied"));
    const isRegular = checkText.includes(":type=reg:");
    return Promise.resolve({
      kind: "there",
      checkText,
      ...(isRegular && { signature: sized(signature ?? "") }),
    });
  }

  mark(at: Addressed): Promise<Outcome> {
    return Promise.resolve(meaning(this.#take(["MARK"], at).lines[0]!));
  }

  flush(at: Addressed): Promise<Outcome> {
    return Promise.resolve(meaning(this.#take(["FLUSH"], at).lines[0]!));
  }

  change(at: Addressed, change: Change): Promise<Outcome> {
    const { lines } = this.#take(CHANGE_WORDS[change.kind], at);
    this.changes.push(change);
    return Promise.resolve(meaning(lines[0]!));
  }

  beginPut(at: Addressed, meta?: Meta): Promise<PutSession | Refusal> {
    const put = this.#take([meta === undefined ? "PATCH" : "ATOMICPATCH"], at);
    this.metas.push(meta);
    // W 20.3: what a C server cannot sign, ours refuses before send_data.
    if (put.lines[1] === "octet-stream -1") return Promise.resolve(failed("Is a directory"));
    if (put.lines[0] !== "OK (send_data).") {
      return Promise.resolve(meaning(put.lines[0]!) as Refusal);
    }
    const outcome = meaning(put.lines[2]!);
    return Promise.resolve({
      signature: sized(put.signature ?? ""),
      apply: async (delta) => {
        assert.equal(await gather(delta), put.delta);
        return outcome;
      },
      abort: () => {
        assert(put.isAborted);
        return Promise.resolve(outcome);
      },
      [Symbol.asyncDispose]: () => {
        this.disposedPuts++;
        return Promise.resolve();
      },
    });
  }

  measure(at: Addressed, of: "mtime" | "size"): Promise<bigint | undefined | Refusal> {
    const { lines } = this.#take([of === "mtime" ? "GETTM" : "GETSZ"], at);
    if (!lines[0]!.startsWith("OK (")) return Promise.resolve(meaning(lines[0]!) as Refusal);
    const value = BigInt(lines[1]!);
    if (value === -1n) return Promise.resolve(undefined);
    return Promise.resolve(of === "size" ? value : fromEitherUnit(value));
  }

  content(at: Addressed): Promise<ByteStream | Refusal> {
    const { after } = this.#take(["TYPE"], at);
    return Promise.resolve(sized(after.slice(after.indexOf("\n") + 1)).bytes);
  }

  async *list(
    query: Parameters<RequestHandler["list"]>[0],
  ): AsyncGenerator<readonly ListedRow[]> {
    const { args, lines } = this.#take(["LIST"]);
    assert.equal(query.myName, args[0]);
    assert.equal(query.only ?? "-", args[1]);
    assert.deepEqual(query.keys, args.slice(2));
    const isNanos = lines.some((line) => /mtime%3D\d{15}|mtime=\d{15}/.test(line));
    assert.equal(query.unit, isNanos ? "nanos" : "seconds");
    for (const line of lines.slice(0, -1)) {
      await Promise.resolve();
      const [stored, key] = line.split("\t");
      yield [{ key: key!, stored: stored! }];
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

const CHANGE_WORDS: Readonly<Record<Change["kind"], readonly string[]>> = {
  remove: ["DEL"],
  mkdir: ["MKDIR"],
  node: ["MKCHR", "MKBLK"],
  fifo: ["MKFIFO"],
  link: ["MKLINK"],
  sock: ["MKSOCK"],
  own: ["SETOWN"],
  mode: ["SETMOD"],
  mtime: ["SETIME"],
};

function isOwn({ line, lines }: Exchange): boolean {
  return line === "" || line === "SSL" || OWN_REPLIES_REGEXP.test(lines[0] ?? "");
}
