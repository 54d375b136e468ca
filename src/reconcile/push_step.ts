/** What to do about one marked name at one peer (pure; W 15.3-15.6). */
import { type Entry, exhaustive, type Present } from "../model/mod.ts";

/** What the peer has, as far as it matters. */
export type ThereFacts =
  /** `behind-link`: a directory above it is a symbolic link there; it counts as absent. */
  | { readonly kind: "absent" | "behind-link" | "parent-missing" }
  | {
    readonly kind: "there";
    /** Check texts without times (sameCheckText). */
    readonly sameText: boolean;
    /** Contents of regular files by signature; true for everything else. */
    readonly sameContent: boolean;
  };

export interface PushFacts {
  /** Forced by the user, or by a conflict that was won. */
  readonly forced: boolean;
  /** `unknown`: it cannot be examined. */
  readonly here: Entry | "unknown";
  /** Undefined: not asked yet. */
  readonly there: ThereFacts | undefined;
  /** False for a bare `%prefix%`: nothing above it can be sent (W 15.6). */
  readonly hasParent: boolean;
}

/**
 * The next step. `look`: ask the peer first. `forget`: nothing to do, the mark goes. `touch`: equal but
 * perhaps for the time, which SIG does not tell. `flush`: drop the peer's own mark before. `parents`:
 * mark the directory above and what is below it, and begin again. `skip`: the mark stays.
 */
export type PushStep =
  | { readonly do: "look" }
  | { readonly do: "forget"; readonly why: "equal" | "gone-there" | "socket" }
  | { readonly do: "touch"; readonly want: Present }
  | { readonly do: "put"; readonly want: Present; readonly flush: boolean }
  | { readonly do: "remove"; readonly flush: boolean }
  | { readonly do: "parents" }
  | { readonly do: "skip"; readonly why: "unreadable" };

/** Whatever is absent here is removed there, everything else is put or found equal. */
export function pushStep(facts: PushFacts): PushStep {
  const { here, forced, there } = facts;
  if (here === "unknown") return { do: "skip", why: "unreadable" };
  if (here.kind === "absent") {
    if (forced) return { do: "remove", flush: true };
    if (there === undefined) return { do: "look" };
    return there.kind === "there"
      ? { do: "remove", flush: false }
      : { do: "forget", why: "gone-there" };
  }
  // W 20.23: a receiver makes no sockets; asking for one only removes what is there.
  if (here.kind === "sock" && (forced || there?.kind !== "there")) {
    return forced || there !== undefined ? { do: "forget", why: "socket" } : { do: "look" };
  }
  if (forced) return { do: "put", want: here, flush: true };
  if (there === undefined) return { do: "look" };
  return putStep(here, there, facts.hasParent);
}

function putStep(want: Present, there: ThereFacts, hasParent: boolean): PushStep {
  switch (there.kind) {
    case "there":
      if (!there.sameText || !there.sameContent) {
        return want.kind === "sock"
          ? { do: "forget", why: "socket" }
          : { do: "put", want, flush: false };
      }
      return want.kind === "lnk" || want.kind === "sock"
        ? { do: "forget", why: "equal" }
        : { do: "touch", want };
    case "absent":
    case "behind-link":
      return { do: "put", want, flush: false };
    case "parent-missing":
      return hasParent ? { do: "parents" } : { do: "put", want, flush: false };
    default:
      return exhaustive(there);
  }
}
