/** What a check has found out about one name. */
import type { DbName, FileRecord, Hint, Located } from "../model/mod.ts";
import type { CheckStep } from "../reconcile/mod.ts";

/** What happened to one name. */
export type Finding =
  | {
    readonly do: "remove";
    readonly name: DbName;
    readonly at: Located;
    /** There is no record to go with it (unseen.ts). */
    readonly isUnseen?: boolean;
  }
  | {
    readonly do: "put";
    readonly name: DbName;
    readonly at: Located;
    readonly record: FileRecord;
    /** False: only the wording of the record changes. */
    readonly marks: boolean;
    readonly isNew: boolean;
  };

/** Takes what the passes of a check find. */
export interface FindingSink {
  add(finding: Finding): void;
  /** Whether it is time for `flush`. */
  readonly isFull: boolean;
  flush(): Promise<void>;
  /**
   * The end of a target.
   * @param hint that asked for it
   */
  endTarget(hint?: Hint): Promise<void>;
}

/** A step of `checkStep` as a finding; undefined when there is nothing to write. */
export function findingOf(
  step: CheckStep,
  { name, at }: Pick<Finding, "name" | "at">,
): Finding | undefined {
  if (step.do === "vanished") return { do: "remove", name, at };
  if (step.record === undefined) return undefined;
  return {
    do: "put",
    name,
    at,
    record: step.record,
    marks: step.do === "changed" || step.do === "appeared",
    isNew: step.do === "appeared",
  };
}
