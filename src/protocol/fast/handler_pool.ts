/** Handlers that work side by side for one client: as many as are needed, up to a limit. */
import type { BulkHandler, RequestHandler } from "../request.ts";

export class HandlerPool implements AsyncDisposable {
  readonly #bulk: BulkHandler;
  readonly #max: number;
  #all: RequestHandler[] = [];
  #idle: RequestHandler[] = [];

  constructor(bulk: BulkHandler, max: number) {
    this.#bulk = bulk;
    this.#max = max;
  }

  /** To be given back; undefined when all of them are at work. */
  take(): RequestHandler | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#all.length >= this.#max) return idle;
    const handler = this.#bulk.fork();
    this.#all.push(handler);
    return handler;
  }

  giveBack(handler: RequestHandler): void {
    this.#idle.push(handler);
  }

  /** None of them may be at work. */
  async clear(): Promise<void> {
    const all = this.#all;
    this.#all = [];
    this.#idle = [];
    for (const handler of all) await handler[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
  }
}
