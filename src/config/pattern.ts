/** One pattern of a group. */

export interface Pattern {
  readonly kind: "include" | "exclude" | "compare";
  /** As written, without trailing slashes. */
  readonly text: string;
}
