/** Whether a peer's request is carried out (pure; W 6.4, W 13.1). */
import { CONFLICT, type Refusal } from "../model/mod.ts";

export interface AdmitFacts {
  /** Of `grant()`. */
  readonly grant: "allow" | "slave" | "denied";
  /** Whether the request must not touch what is marked here: all changes but SETIME (W 11). */
  readonly refusesIfDirty: boolean;
  /**
   * Whether the name has a mark, for whatever peer, after it was checked again. Undefined: not known
   * yet; the answer then is about the grant alone, so that nobody without one causes a check.
   */
  readonly isDirty: boolean | undefined;
}

/** `marksForPeer`: mark the name for the peer that was refused, so that our copy goes back to it. */
export type Admission =
  | { readonly do: "allow" }
  | { readonly do: "refuse"; readonly outcome: Refusal; readonly marksForPeer: boolean };

const ALLOW: Admission = { do: "allow" };

/** First the grant, then the marks. */
export function admit({ grant, refusesIfDirty, isDirty }: AdmitFacts): Admission {
  if (grant === "denied") {
    return {
      do: "refuse",
      outcome: { kind: "denied", why: "no grant" },
      marksForPeer: false,
    };
  }
  if (grant === "slave") {
    return { do: "refuse", outcome: { kind: "denied", why: "slave" }, marksForPeer: true };
  }
  if (refusesIfDirty && isDirty) return { do: "refuse", outcome: CONFLICT, marksForPeer: true };
  return ALLOW;
}
