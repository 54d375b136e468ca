/** The two ways of looking at one name space: a pass over walk and records, or one name. */
import { checkStep } from "../reconcile/mod.ts";
import { classifier } from "../config/mod.ts";
import { isTempName, type WalkClass, type WalkStep } from "../fs/mod.ts";
import {
  type DbName,
  type FileRecord,
  isBelow,
  leaf,
  type Located,
  nameOrder,
} from "../model/mod.ts";
import type { Sighting } from "../roots/mod.ts";
import { type CheckContext, reportUnknown } from "./context.ts";
import { DirectoryDump } from "./dump.ts";
import { findingOf, type FindingSink } from "./finding.ts";
import * as say from "./messages.ts";
import type { Mounts } from "./mounts.ts";
import type { RowCursor } from "./row_cursor.ts";
import { covers, type NameSpace } from "./spaces.ts";
import type { StrayPartials } from "./stray_partials.ts";

const DOT = 0x2e;

/** What the passes of one check share. */
export interface Pass {
  readonly context: CheckContext;
  readonly batch: FindingSink;
  readonly mounts: Mounts;
  /** Something was found that has a record, in this name space. */
  hasKnown: boolean;
  /** Where roots were before anything at and below them was looked at. */
  readonly sighted: Map<DbName, Sighting>;
  /** Those of roots at and above such names. */
  readonly confirmed: Map<DbName, Sighting>;
  readonly classify: ReturnType<typeof classifier>;
  /** Where a name is on this host. */
  readonly locate: (name: DbName) => Located | undefined;
  /** Told of our temporary names. */
  readonly strays?: StrayPartials | undefined;
  /** `-W`. */
  readonly dump?: (name: DbName) => void;
}

/**
 * Joins the walk of `space` with its records, both in descending order of encoded names: what is on
 * one side only appeared or is a candidate for a removal.
 *
 * PERF: a promise per batch of records, none per file; files that did not change allocate only what
 * the walk and the records need.
 *
 * @param rows stands at or before the first record of the space, and behind its last afterwards
 */
export async function joinSpace(pass: Pass, space: NameSpace, rows: RowCursor): Promise<void> {
  const unknown: DbName[] = [];
  const dump = pass.dump && new DirectoryDump(space, pass.classify, pass.dump);
  const walk = startWalk(pass, space, unknown);
  const { batch } = pass;
  let step = walk.next();
  for (;;) {
    if (rows.isDry) await rows.fill();
    const row = rows.row !== undefined && covers(space, rows.row.name) ? rows.row : undefined;
    const found = step.done === true ? undefined : step.value;
    if (row === undefined && found === undefined) break;
    const order = compare(row, found);
    if (order <= 0 && found !== undefined) {
      dump?.saw(found.name, found.entry.kind === "dir");
      examine(pass, found, order === 0 ? row : undefined);
      step = walk.next();
    }
    if (order >= 0 && row !== undefined) {
      if (order > 0) judgeMissing(pass, row.name, unknown);
      rows.advance();
    }
    if (batch.isFull) await batch.flush();
  }
  dump?.end();
}

/** Positive: the row comes first, and has no object; negative: the object has no row. */
function compare(row: FileRecord | undefined, found: WalkStep | undefined): number {
  if (found === undefined) return 1;
  if (row === undefined) return -1;
  return row.name === found.name ? 0 : nameOrder(row.name, found.name);
}

function startWalk(
  { context, classify, mounts, strays }: Pass,
  space: NameSpace,
  unknown: DbName[],
) {
  const { reporter } = context;
  const tells = reporter.wants(2);
  return context.jail.walk(space.at, {
    name: space.name,
    directories: "after",
    classify(name) {
      const isTemp = isOurTemp(name), found = isTemp ? 0 : mounts.classOf(name, classify);
      if (isTemp) strays?.saw(name);
      if (found === 0 && tells) reporter.note(say.notChecked(name));
      return found;
    },
    onError(name, error) {
      unknown.push(name);
      reportUnknown(context, name, error);
    },
    crosses: (name, isForeign) => mounts.cross(name, isForeign),
  });
}

/** What the server is just writing is no file of the user. */
function isOurTemp(name: DbName): boolean {
  // PERF: nearly all names are told by one character.
  return name.charCodeAt(name.lastIndexOf("/") + 1) === DOT && isTempName(leaf(name));
}

/** Compares one object with its record, if it has one. */
function examine(pass: Pass, found: WalkStep, row: FileRecord | undefined) {
  const { context: { state, config, reporter }, batch, locate } = pass;
  if (row !== undefined) pass.hasKnown = true;
  if (reporter.wants(2)) reporter.note(say.checking(found.name));
  const step = checkStep(found.entry, row, {
    name: found.name,
    time: state.timeUnit,
    ignored: config.ignored,
  });
  if (step.record === undefined) return;
  const at = locate(found.name);
  const finding = at && findingOf(step, { name: found.name, at });
  if (finding !== undefined) batch.add(finding);
}

/**
 * A record without an object in the walk. It is a removal only if the object is proven to be absent:
 * ENOENT, ENOTDIR, or behind a link (D 7.3.1). Names of class 0 stay (D 3.2), and so does everything
 * at and below what could not be examined.
 */
export function judgeMissing(pass: Pass, name: DbName, unknown: readonly DbName[]): void {
  const { context, batch, classify, locate, mounts } = pass;
  if (classify(name) === 0 || mounts.isClosed(name)) return;
  if (unknown.some((dir) => name === dir || isBelow(name, dir))) return;
  const at = locate(name);
  if (at === undefined) return;
  try {
    if (context.jail.look(at).kind === "absent") batch.add({ do: "remove", name, at });
  } catch (error) {
    reportUnknown(context, name, error);
  }
}

/**
 * Looks at the one name of `space`, and at the records below it when it is no directory any more
 * (D 7.3.13).
 */
export async function lookAtOne(pass: Pass, space: NameSpace, below: RowsBelow): Promise<void> {
  const { context, batch, classify } = pass;
  const { name, at } = space;
  const kind: WalkClass = isOurTemp(name) ? 0 : classify(name);
  if (kind === 0) {
    if (context.reporter.wants(2)) context.reporter.note(say.notChecked(name));
    return;
  }
  let entry;
  try {
    entry = context.jail.look(at);
  } catch (error) {
    return reportUnknown(context, name, error);
  }
  const record = await context.state.record(name);
  if (entry.kind !== "absent") {
    if (kind === 2) examine(pass, { name, entry }, record);
    if (record === undefined || entry.kind === "dir" || !wasDirectory(record)) return;
  }
  const rows = below(name);
  for (await rows.fill(); rows.row !== undefined; await rows.fill()) {
    if (rows.row.name !== name) judgeMissing(pass, rows.row.name, []);
    rows.advance();
    if (batch.isFull) await batch.flush();
  }
  if (entry.kind === "absent" && record !== undefined) {
    batch.add({ do: "remove", name, at });
  }
}

/** Records at and below a name, descending. */
export type RowsBelow = (name: DbName) => RowCursor;

function wasDirectory(record: FileRecord): boolean {
  return record.stored.endsWith("type=dir");
}
