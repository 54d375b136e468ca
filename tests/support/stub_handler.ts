/** A RequestHandler that says yes to everything and remembers what it was asked. */
import { type Change, DONE, isDbName, type Outcome } from "../../src/model/mod.ts";
import type { Addressed, RequestHandler } from "../../src/protocol/mod.ts";
import { gather, sized } from "./transcript.ts";

export interface Asked {
  readonly what: string;
  readonly at?: Addressed;
  readonly more?: unknown;
}

/** Every method can be replaced; what is replaced is not remembered. */
export class StubHandler implements RequestHandler {
  readonly asked: Asked[] = [];
  isIdentified = false;
  isKnown = true;
  isSecured = false;

  constructor(replaced: Partial<RequestHandler> = {}) {
    Object.assign(this, replaced);
  }

  #done(what: string, at?: Addressed, more?: unknown): Promise<Outcome> {
    if (at !== undefined && !isDbName(at.name)) throw new Error("not a name");
    this.asked.push({ what, ...(at && { at }), ...(more !== undefined && { more }) });
    return Promise.resolve(DONE);
  }

  secured() {
    this.isSecured = true;
  }
  async configure(name: string) {
    await this.#done("configure", undefined, name);
    return "ok" as const;
  }
  async restrictGroups(list: readonly string[]) {
    await this.#done("restrictGroups", undefined, list);
    return true;
  }
  async identify(name: string) {
    await this.#done("identify", undefined, name);
    this.isIdentified = true;
    return "ok" as const;
  }
  async look(at: Addressed) {
    await this.#done("look", at);
    return { kind: "absent" } as const;
  }
  mark(at: Addressed) {
    return this.#done("mark", at);
  }
  flush(at: Addressed) {
    return this.#done("flush", at);
  }
  change(at: Addressed, change: Change) {
    return this.#done("change", at, change);
  }
  async beginPut(at: Addressed, meta?: unknown) {
    await this.#done("beginPut", at, meta);
    const done = this.#done.bind(this);
    return {
      signature: sized("rs\x016\0\0\x08\0\0\0\0\x08"),
      apply: async (delta: AsyncIterable<Uint8Array>) => done("apply", at, await gather(delta)),
      abort: () => done("abort", at),
      [Symbol.asyncDispose]: async () => void await done("dispose", at),
    };
  }
  async measure(at: Addressed) {
    await this.#done("measure", at);
    return 5n;
  }
  async content(at: Addressed) {
    await this.#done("content", at);
    return sized("content").bytes;
  }
  async *list(query: Parameters<RequestHandler["list"]>[0]) {
    await this.#done("list", undefined, query);
    yield ["/a", "/b"].map((key) => ({ key, stored: "v1%3Atype=dir" }));
  }
  [Symbol.asyncDispose]() {
    return Promise.resolve();
  }
}
