/** Which commands a changed name calls for, and the shell text they become (D 5.7; pure). */
import { actionMatches, type Config, matchingGroups } from "../config/mod.ts";
import type { DbName, ScheduledAction } from "../model/mod.ts";

/** Longest single argument that Linux takes is 131072 bytes; the rest is room for the command itself. */
const TEXT_MAX_BYTES = 100_000;
const PLACE_HOLDER = "%%";

/** `local`: somebody changed the name on this host; `remote`: a peer did. */
export type Cause = "local" | "remote";

/**
 * The commands to schedule for a name: of the groups that include it, groups and their actions in order
 * of declaration (D 5.7, D 7.7.5). A pattern is matched with the stored name as a path pattern.
 */
export function scheduleFor(config: Config, name: DbName, cause: Cause): ScheduledAction[] {
  const found: ScheduledAction[] = [];
  for (const { actions } of matchingGroups(config, name).reverse()) {
    for (const rule of actions) {
      if (!(cause === "local" ? rule.onLocal : rule.onRemote) || !actionMatches(rule, name)) {
        continue;
      }
      for (const command of rule.commands) found.push({ name, command, logfile: rule.logfile });
    }
  }
  return found;
}

/** `text` as one word of the shell, whatever bytes it has. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** One run of a command. */
export interface Run {
  /** For `/bin/sh -c`. */
  readonly text: string;
  /** Rows that this run settles. */
  readonly rows: readonly ScheduledAction[];
}

/**
 * The runs of one command for its rows: every `%%` is replaced by the real paths, each a word of its
 * own, so that no file name can become shell code (D 7.7.1-2). More names than fit in one argument are
 * spread over several runs. Rows whose path is unknown here are left to a run without names.
 *
 * @param pathOf real path of a row's name, undefined when its prefix has none on this host
 */
export function runsOf(
  rows: readonly ScheduledAction[],
  pathOf: (name: DbName) => string | undefined,
): Run[] {
  const [first] = rows;
  if (first === undefined) return [];
  const { command } = first;
  const places = command.split(PLACE_HOLDER).length - 1;
  if (places === 0) return [{ text: command, rows }];
  const runs: Run[] = [];
  let words: string[] = [], taken: ScheduledAction[] = [], size = argumentBytes(command);
  const close = () => {
    runs.push({ text: command.replaceAll(PLACE_HOLDER, () => words.join(" ")), rows: taken });
    words = [], taken = [], size = argumentBytes(command);
  };
  for (const row of rows) {
    const path = pathOf(row.name);
    const word = path === undefined ? "" : shellWord(path);
    const cost = places * (argumentBytes(word) + 1);
    if (taken.length > 0 && size + cost > TEXT_MAX_BYTES) close();
    if (word !== "") words.push(word);
    taken.push(row), size += cost;
  }
  close();
  return runs;
}

/** Bytes of the text as an argument: what is not ASCII may have to travel as escapes of five bytes. */
function argumentBytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7e) bytes += 4;
  return bytes;
}
