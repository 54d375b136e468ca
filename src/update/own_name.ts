/** Under which of our names a peer listens to us. */
import { type HostName, refusalText } from "../model/mod.ts";
import type { Peer } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import * as say from "./messages.ts";

/** Of one peer. */
export class OwnName {
  readonly #refused = new Set<HostName>();
  /** That the peer has accepted last. */
  #announced: HostName | undefined;

  constructor(private readonly peerName: HostName, private readonly reporter: Reporter) {}

  is(myName: HostName): boolean {
    return this.#announced === myName;
  }

  /** Whether the peer takes it; a refusal is reported once. PERF: no promise for what is known. */
  identify(peer: Peer, myName: HostName): boolean | Promise<boolean> {
    if (this.#refused.has(myName)) return false;
    return this.is(myName) || this.#announce(peer, myName);
  }

  async #announce(peer: Peer, myName: HostName): Promise<boolean> {
    this.#announced = undefined;
    const outcome = await peer.identify(myName);
    if (outcome.kind === "done") {
      this.#announced = myName;
      return true;
    }
    this.#refused.add(myName);
    this.reporter.note(say.notIdentified(this.peerName, refusalText(outcome)));
    return false;
  }
}
