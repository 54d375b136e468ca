/** -H, -L, -M, -S: rows of the state as lines for people and scripts (D 4.4). */
import { classifier, type Config, inPair } from "../config/mod.ts";
import { type DbName, percentDecode } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";

export interface ListingContext {
  readonly state: StateStore;
  /** Where the lines go, by `print`. */
  readonly reporter: Reporter;
}

export interface ConfiguredListing extends ListingContext {
  readonly config: Config;
}

/** `-S MYNAME PEER`: names are compared exactly, with case. */
export interface PairListing extends ConfiguredListing {
  readonly myName: string;
  readonly peer: string;
}

/**
 * Prints all hints as `RECURSIVE⇥PATH`, in order of the encoded paths.
 *
 * @returns how many lines were printed
 */
export async function listHints({ state, reporter }: ListingContext): Promise<number> {
  const hints = await state.hints();
  for (const { path, recursive } of hints) {
    reporter.print(`${recursive ? 1 : 0}\t${path}`, { event: "hint", name: path, recursive });
  }
  return hints.length;
}

/**
 * Prints the records of names that an active group matches as `CHECKTEXT⇥NAME`, in order of the
 * encoded names.
 *
 * @returns how many lines were printed
 */
export function listFiles({ config, state, reporter }: ConfiguredListing): Promise<number> {
  const classOf = classifier(config);
  return printRecords({ state, reporter }, (name) => classOf(name) === 2);
}

/**
 * Prints the records of the names that a group with this own name and this peer matches, like
 * `listFiles`. An unknown pair has none.
 *
 * @returns how many lines were printed
 */
export function listPair(
  { config, state, reporter, myName, peer }: PairListing,
): Promise<number> {
  return printRecords({ state, reporter }, (name) => inPair(config, name, myName, peer));
}

/**
 * Prints the marks of names that an active group matches as `force⇥MYNAME⇥PEER⇥NAME` or `chary⇥...`,
 * in order of the encoded names, then peers. The peer may have left the configuration.
 *
 * @returns how many lines were printed
 */
export async function listDirty({ config, state, reporter }: ConfiguredListing): Promise<number> {
  const classOf = classifier(config);
  let lines = 0;
  for await (const batch of state.dirtyRows()) {
    for (const { name, forced, myName, peer } of batch) {
      if (classOf(name) !== 2) continue;
      const row = { event: "mark", name, myName, peer, forced };
      reporter.print(`${forced ? "force" : "chary"}\t${myName}\t${peer}\t${name}`, row);
      lines++;
    }
  }
  return lines;
}

/** The check text is decoded once: a link target in it stays encoded (D 4.4). */
async function printRecords(
  { state, reporter }: ListingContext,
  isListed: (name: DbName) => boolean,
): Promise<number> {
  let lines = 0;
  for await (const batch of state.records("ascending")) {
    for (const record of batch) {
      if (!isListed(record.name)) continue;
      const checkText = percentDecode(record.stored);
      const row = { event: "file", name: record.name, checkText };
      reporter.print(`${checkText}\t${record.name}`, row);
      lines++;
    }
  }
  return lines;
}
