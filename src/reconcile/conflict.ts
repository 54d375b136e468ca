/** Who wins when a name is marked on both sides (pure; W 16, D 1.6). */
import type { Group } from "../config/mod.ts";
import { type Entry, exhaustive, fromSeconds, toSeconds } from "../model/mod.ts";

/** A fact about the peer's object: its value, `absent`, or undefined when not asked yet. */
export type PeerFact = bigint | "absent" | undefined;

export interface ConflictFacts {
  /** Groups with the name, last declared first (`matchingGroups`). */
  readonly groups: readonly Group[];
  readonly peer: string;
  readonly here: Entry;
  /** `st_size` of directories and other objects that have one without content. @default {0} */
  readonly hereSize?: number;
  readonly there?: {
    /** Nanoseconds. */
    readonly mtime?: PeerFact;
    /** Bytes. */
    readonly size?: PeerFact;
  };
  /** Unit in which the peer tells times: `seconds` cuts ours before comparing (W 18.4). */
  readonly timeUnit: "seconds" | "nanos";
}

/** The test that decided, as messages call it. */
export type ConflictTest =
  | "master/slave"
  | "first"
  | "left/right"
  | "younger/older"
  | "bigger/smaller";

/**
 * `need`: ask the peer for this and call again. `lost` has `isRemoval` when a removal here cannot win
 * by comparing. `none`: nobody decides, the mark stays.
 */
export type Verdict =
  | { readonly kind: "won"; readonly by: ConflictTest }
  | { readonly kind: "lost"; readonly by: ConflictTest; readonly isRemoval: boolean }
  | { readonly kind: "need"; readonly fact: "mtime" | "size" }
  | { readonly kind: "none" };

/**
 * Decides a conflict: a master wins over a slave; else the `auto` method of the group declared last
 * that has the peer. A tie is lost by `younger` and `bigger` and won by `older` and `smaller`; an object
 * that the peer no longer has loses against ours.
 */
export function conflict(facts: ConflictFacts): Verdict {
  const shared = facts.groups.flatMap((group) => {
    const peer = group.peers.find(({ name }) => name === facts.peer);
    return peer === undefined ? [] : [{ group, peer }];
  });
  if (shared.some(({ group, peer }) => !group.iAmSlave && peer.isSlave)) {
    return { kind: "won", by: "master/slave" };
  }
  const [decisive] = shared;
  const method = decisive?.group.auto ?? "none";
  switch (method) {
    case "none":
      return { kind: "none" };
    case "first":
      return { kind: "won", by: "first" };
    case "left":
    case "right": {
      const isWon = decisive!.peer.isLeftOfUs === (method === "right");
      return isWon ? won("left/right") : lost("left/right");
    }
    case "younger":
    case "older":
      return compare(facts, { fact: "mtime", by: "younger/older", moreWins: method === "younger" });
    case "bigger":
    case "smaller":
      return compare(facts, { fact: "size", by: "bigger/smaller", moreWins: method === "bigger" });
    default:
      return exhaustive(method);
  }
}

function won(by: ConflictTest): Verdict {
  return { kind: "won", by };
}

function lost(by: ConflictTest): Verdict {
  return { kind: "lost", by, isRemoval: false };
}

function compare(
  facts: ConflictFacts,
  { fact, by, moreWins }: {
    readonly fact: "mtime" | "size";
    readonly by: ConflictTest;
    readonly moreWins: boolean;
  },
): Verdict {
  if (facts.here.kind === "absent") return { kind: "lost", by, isRemoval: true };
  const there = facts.there?.[fact];
  if (there === undefined) return { kind: "need", fact };
  if (there === "absent") return won(by);
  const ours = fact === "size" ? sizeOf(facts) : mtimeOf(facts);
  return (ours > there) === moreWins ? won(by) : lost(by);
}

function sizeOf({ here, hereSize = 0 }: ConflictFacts): bigint {
  if (here.kind === "reg") return BigInt(here.size);
  return BigInt(here.kind === "lnk" ? here.target.length : hereSize);
}

function mtimeOf({ here, timeUnit }: ConflictFacts): bigint {
  if (here.kind === "absent") throw new RangeError("Cannot compare the time of an absent object");
  const { mtime } = here.meta;
  return timeUnit === "seconds" ? fromSeconds(toSeconds(mtime)) : mtime;
}
