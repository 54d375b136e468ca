/** How an attempt on a peer or on a file ended: values, not exceptions. */

export type Outcome =
  | { readonly kind: "done" }
  /** `File is also marked dirty here!` */
  | { readonly kind: "conflict" }
  /** `Parent dir missing.` */
  | { readonly kind: "parent-missing" }
  /** `slave`: `Permission denied for slave!`; `no grant`: `Permission denied!` */
  | { readonly kind: "denied"; readonly why: "slave" | "no grant" }
  /** Any other reply: one line, for example the C-locale text of an errno. */
  | { readonly kind: "failed"; readonly reply: string };

/** An Outcome that is not success. */
export type Refusal = Exclude<Outcome, { kind: "done" }>;

export const DONE: Outcome = { kind: "done" };
export const CONFLICT: Refusal = { kind: "conflict" };
export const PARENT_MISSING: Refusal = { kind: "parent-missing" };

export function failed(reply: string): Refusal {
  return { kind: "failed", reply };
}

/** A refusal in the words of a peer (W 3). */
export function refusalText(refusal: Refusal): string {
  switch (refusal.kind) {
    case "conflict":
      return "File is also marked dirty here!";
    case "parent-missing":
      return "Parent dir missing.";
    case "denied":
      return refusal.why === "slave" ? "Permission denied for slave!" : "Permission denied!";
    case "failed":
      return refusal.reply;
    default:
      return exhaustive(refusal);
  }
}

/** Makes the compiler find every switch that a new member of a union breaks. */
export function exhaustive(x: never): never {
  throw new Error(`Cannot happen: ${JSON.stringify(x)}`);
}
