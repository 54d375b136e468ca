/** Who wins when the peer has a mark of its own: asks for what the decision needs (W 16). */
import { matchingGroups } from "../config/mod.ts";
import { type Absent, type Key, type Located, type Present, refusalText } from "../model/mod.ts";
import { conflict, type ConflictFacts, type PeerFact } from "../reconcile/mod.ts";
import type { PushContext } from "./context.ts";
import * as say from "./messages.ts";

/** The name in conflict. */
export interface Contested extends say.Job {
  readonly context: PushContext;
  readonly key: Key;
  readonly at: Located;
}

/** Decides and says so. Time or size is asked for at most once each. */
export async function winsConflict(job: Contested, here: Present | Absent): Promise<boolean> {
  const { context: { config, peer, reporter, jail, peerName }, name, at } = job;
  const there: { mtime?: PeerFact; size?: PeerFact } = {};
  const facts: ConflictFacts = {
    groups: matchingGroups(config, name),
    peer: peerName,
    here,
    hereSize: jail.lookClosely(at).fingerprint?.size ?? 0,
    timeUnit: peer.timeUnit,
    there,
  };
  for (;;) {
    const verdict = conflict(facts);
    switch (verdict.kind) {
      case "won":
        reporter.note(say.won(job, verdict.by));
        return true;
      case "lost":
        reporter.note(verdict.isRemoval ? say.lostAsRemoval(job) : say.lost(job, verdict.by));
        return false;
      case "none":
        return false;
      case "need": {
        const fact = await peer.measure(job.key, name, verdict.fact);
        if (typeof fact === "object") {
          reporter.note(say.notMeasured(job, refusalText(fact)));
          return false;
        }
        there[verdict.fact] = fact ?? "absent";
      }
    }
  }
}
