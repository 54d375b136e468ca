/** Tells whether a connection is at work, and lets it finish the file in hand when the server ends. */
import { CsyncError, type DbName } from "../model/mod.ts";

/** The server is ending: the connection closes without a reply, and the peer's mark stays. */
export class ServerEnding extends CsyncError {
  override readonly name = "ServerEnding";
  constructor() {
    super("serve/ending", { message: "The server is ending" });
  }
}

/** Requests of one connection. One object is in hand from its first request to that of another one. */
export class Turn {
  #active = 0;
  #inHand: DbName | undefined;
  #isEnding = false;
  /** Called whenever the last request that was at work has ended. */
  onPause: () => void = () => {};
  /** Called when a request begins. */
  onBegin: () => void = () => {};

  get isActive(): boolean {
    return this.#active > 0;
  }

  /** From now on only requests for the object in hand are served. */
  end(): void {
    this.#isEnding = true;
  }

  /** @throws ServerEnding */
  begin(name: DbName | undefined): Disposable {
    if (this.#isEnding && (name === undefined || name !== this.#inHand)) throw new ServerEnding();
    this.#inHand = name;
    this.#active++;
    this.onBegin();
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#active--;
        if (this.#active === 0) this.onPause();
      },
    };
  }
}
