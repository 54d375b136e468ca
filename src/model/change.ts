/** Changes of one object that need no content. */
import type { Meta } from "./entry.ts";
import type { Nanos } from "./time.ts";

/** A change that needs no content (W 12). Fields that are absent were not given by the client. */
export type Change =
  | { readonly kind: "remove" }
  | { readonly kind: "mkdir"; readonly meta?: Meta }
  | { readonly kind: "node"; readonly type: "chr" | "blk"; readonly rdev?: number }
  | { readonly kind: "fifo" }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "sock" }
  /** -1 leaves the part alone. */
  | { readonly kind: "own"; readonly uid: number; readonly gid: number }
  | { readonly kind: "mode"; readonly mode: number }
  | { readonly kind: "mtime"; readonly mtime: Nanos };
