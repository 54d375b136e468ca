/** Tells whether a connection is at work, and lets it finish the file in hand when the server ends. */
import { CsyncError, type DbName } from "../model/mod.ts";

/** As long as the last answers need to leave. */
const LAST_ANSWERS_MS = 100;

/** The server is ending: the connection closes without a reply, and the peer's mark stays. */
export class ServerEnding extends CsyncError {
  override readonly name = "ServerEnding";
  constructor() {
    super("serve/ending", { message: "The server is ending" });
  }
}

/**
 * Requests of one connection, or of one handler among several of a connection (`fork`). One object is in
 * hand from its first request to that of another one; what is told of work is of all handlers together.
 */
export class Turn {
  readonly #root: Turn;
  #active = 0;
  #inHand: DbName | undefined;
  #isEnding = false;
  #waiting: (() => void)[] = [];
  /** Called whenever the last request that was at work has ended. */
  onPause: () => void = () => {};
  /** Called when a request begins. */
  onBegin: () => void = () => {};

  /** @param root of which this is a fork */
  constructor(root?: Turn) {
    this.#root = root === undefined ? this : root.#root;
  }

  /** For a handler that works at the same time, with an object in hand of its own. */
  fork(): Turn {
    return new Turn(this);
  }

  get isActive(): boolean {
    return this.#root.#active > 0;
  }

  /** From now on only requests for the objects in hand are served. */
  end(): void {
    this.#root.#isEnding = true;
  }

  /**
   * As `begin`. Whoever is refused while others work for the same client is refused when they have ended
   * and were answered: the connection is closed then.
   * @throws ServerEnding
   */
  beginAmongOthers(name: DbName | undefined): Disposable | Promise<Disposable> {
    return this.#root !== this && this.#isRefused(name) ? this.#beginLast(name) : this.begin(name);
  }

  async #beginLast(name: DbName | undefined): Promise<Disposable> {
    const root = this.#root;
    if (this.isActive) await new Promise<void>((go) => root.#waiting.push(go));
    await new Promise((go) => setTimeout(go, LAST_ANSWERS_MS));
    return this.begin(name);
  }

  /** @throws ServerEnding */
  begin(name: DbName | undefined): Disposable {
    if (this.#isRefused(name)) throw new ServerEnding();
    const root = this.#root;
    this.#inHand = name;
    root.#active++;
    root.onBegin();
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        root.#active--;
        if (root.#active === 0) root.#paused();
      },
    };
  }

  #isRefused(name: DbName | undefined): boolean {
    return this.#root.#isEnding && (name === undefined || name !== this.#inHand);
  }

  #paused(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
    this.onPause();
  }
}
