/** `-o`: names that compare mode covers, straight from the disk. */
import { classifier, type Config } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { warnUseless } from "./check.ts";
import { reportUnknown } from "./context.ts";
import { type CheckTarget, nameSpaces } from "./spaces.ts";

export interface ListComparedOptions {
  readonly config: Config;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly targets: readonly CheckTarget[];
  /** `-P`: only groups with one of these peers, exact and with case (D 2.4). */
  readonly peerFilter?: readonly string[];
}

/**
 * Prints every name of class 2 in the order of the C program's walk: a directory, then its entries
 * descending. Nothing is read from the state and nothing is written.
 *
 * @returns number of names
 */
export function listCompared(options: ListComparedOptions): number {
  const { config, jail, reporter, targets, peerFilter } = options;
  const classify = classifier(config, { compare: true, ...(peerFilter && { peerFilter }) });
  let count = 0;
  for (const target of targets) {
    warnUseless(options, [target]);
    for (const { name, at, recursive } of nameSpaces(config, target)) {
      const steps = jail.walk(at, {
        name,
        directories: "before",
        classify: (found) => recursive || found === name ? classify(found) : 0,
        onError: (found, error) => reportUnknown(options, found, error),
      });
      for (const step of steps) {
        reporter.print(step.name, { event: "name", name: step.name });
        count++;
      }
    }
  }
  return count;
}
