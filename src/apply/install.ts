/**
 * Puts complete new objects in the place of old ones, many at a time. This order lives here only: announce
 * the temporary names, make the objects under them, tell exactly what they are, make that durable, verify
 * that the old ones are still what was admitted, keep copies, switch each in one call, make that durable,
 * record.
 */
import { failed, type Name, type Outcome, type Present, sameEntry } from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { backUp, isBackedUp } from "./backup.ts";
import {
  announceAll,
  changedMeanwhile,
  isGone,
  type Place,
  refusalOf,
  settleAll,
  syncDirectories,
  verify,
} from "./steps.ts";
import { type Draft, switchIn, Unfinished } from "./switch_in.ts";
import { type Applied, isSystemError, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

/** An object that is to be made, and where. */
export interface Plan<D extends Draft = Draft> {
  readonly target: Target;
  readonly place: Place;
  /** What it is expected to be, if that can be told; a wrong guess costs one more transaction. */
  readonly want: Present | undefined;
  /** @throws OsError, with nothing left under the name */
  make(temp: Name): D;
  /** Changes what is not as it should be yet; true when there was something. */
  correct?(draft: D, made: Present): boolean;
}

/** What the last transaction does about the intent. `left`: the next start finds out. */
type Settling = "recorded" | "withdrawn" | "left";

/** A plan that is carried out. */
class Way<D extends Draft> {
  readonly plan: Plan<D>;
  readonly target: Target;
  /** What the state knows of it. */
  want: Present | undefined;
  temp: Name | "" = "";
  isAnnounced = false;
  draft: D | undefined;
  made: Present | undefined;
  /** Undefined as long as it is on its way. */
  outcome: Outcome | undefined;
  changed = false;
  settling: Settling = "left";

  constructor(plan: Plan<D>) {
    this.plan = plan;
    this.target = plan.target;
    this.want = plan.want;
  }

  end(outcome: Outcome, settling: Settling): void {
    this.outcome = outcome;
    this.settling = settling;
    this.changed = settling === "recorded";
  }
}

/** Announces an object, makes and installs it. */
export async function create<D extends Draft>(workshop: Workshop, plan: Plan<D>): Promise<Applied> {
  const [applied] = await createAll(workshop, [plan]);
  return applied!;
}

/**
 * As `create`, for many, each of which succeeds or fails by itself: an answer for each, in their order.
 * What does not have to wait for others takes its place at once, so that few drafts are open; where
 * contents have to become durable, all of them are.
 */
export async function createAll<D extends Draft>(
  workshop: Workshop,
  plans: readonly Plan<D>[],
): Promise<Applied[]> {
  const ways = plans.map((plan) => new Way(plan));
  try {
    // PERF: a drawn name is free as good as always; to look costs a call for each file.
    let taken = await makeAll(workshop, ways, "drawn");
    if (taken.length > 0) taken = await makeAll(workshop, taken, "free");
    for (const way of taken) way.end(failed("File exists"), "withdrawn");
    await installWaiting(workshop, ways);
  } finally {
    disposeAll(ways);
  }
  return await settle(workshop, ways);
}

/**
 * Installs a complete draft that was announced, of which nobody knew what it would be, and disposes it.
 *
 * The record tells what was made, not what a look afterwards would show: a user's change directly
 * after the switch then differs from the record, and the next check finds it.
 */
export async function install<D extends Draft>(
  workshop: Workshop,
  plan: Omit<Plan<D>, "want" | "make">,
  draft: D,
): Promise<Applied> {
  const way = new Way<D>({ ...plan, want: undefined, make: () => draft });
  way.temp = draft.name;
  way.isAnnounced = true;
  way.draft = draft;
  try {
    advance(workshop, way);
    await installWaiting(workshop, [way]);
  } finally {
    disposeAll([way]);
  }
  const [applied] = await settle(workshop, [way]);
  return applied!;
}

function disposeAll(ways: readonly Way<Draft>[]): void {
  for (const { draft } of ways) draft?.[Symbol.dispose]();
}

/**
 * Announces and makes drafts.
 *
 * RACE: a crash between both leaves the announcement of a drawn name that another file may have: one of
 * the shape of ours, for the same leaf, with 238,000 to choose from.
 *
 * @returns those whose name is taken
 */
async function makeAll<D extends Draft>(
  workshop: Workshop,
  ways: readonly Way<D>[],
  name: "drawn" | "free",
): Promise<Way<D>[]> {
  const named = ways.filter((way) => isNamed(way, name));
  await announceAll(workshop, named);
  for (const way of named) way.isAnnounced = true;
  return named.filter((way) => !isMade(workshop, way));
}

function isNamed(way: Way<Draft>, name: "drawn" | "free"): boolean {
  const { dir, leaf } = way.plan.place;
  try {
    way.temp = name === "drawn" ? dir.drawName(leaf) : dir.tempName(leaf);
    return true;
  } catch (error) {
    way.end(refusalOf(error), way.isAnnounced ? "withdrawn" : "left");
    return false;
  }
}

/** @returns false when the name is taken; a draft that cannot be made has its outcome */
function isMade<D extends Draft>(workshop: Workshop, way: Way<D>): boolean {
  try {
    way.draft = way.plan.make(way.temp as Name);
  } catch (error) {
    const outcome = refusalOf(error);
    if (isSystemError(error, "EEXIST")) return false; // not ours, whatever it is
    way.end(outcome, isGone(way.plan.place.dir, way.temp as Name) ? "withdrawn" : "left");
    return true;
  }
  advance(workshop, way);
  return true;
}

/** As far as it goes without a wait: to its place, or to its outcome. */
function advance<D extends Draft>(workshop: Workshop, way: Way<D>): void {
  const { durable } = workshop, { plan } = way, draft = way.draft!;
  try {
    way.made = complete(draft);
    if (plan.correct?.(draft, way.made) === true) way.made = complete(draft);
    if (!isAsAnnounced(way) || isBackedUp(plan)) return;
    if (isFile(draft) && !durable.isDurable(draft)) return;
    replace(way);
  } catch (error) {
    fail(way, error);
  }
}

/** Those that are still on their way. */
async function installWaiting<D extends Draft>(
  workshop: Workshop,
  ways: readonly Way<D>[],
): Promise<void> {
  const waiting = ways.filter(({ outcome }) => outcome === undefined);
  if (waiting.length === 0) return;
  const other = waiting.filter((way) => !isAsAnnounced(way));
  for (const way of other) way.want = way.made;
  await announceAll(workshop, other);
  const failures = await workshop.durable.contents(
    waiting.map(({ draft }) => isFile(draft!) ? draft : undefined),
  );
  for (let n = 0; n < waiting.length; n++) {
    const way = waiting[n]!;
    try {
      if (failures[n] !== undefined) throw failures[n];
      if (isBackedUp(way.plan)) {
        verify(way.plan.place);
        await backUp(workshop, way.plan);
      }
      replace(way);
    } catch (error) {
      fail(way, error);
    }
  }
}

function isFile(draft: Draft): draft is TempFile {
  return "sync" in draft;
}

function isAsAnnounced({ want, made }: Way<Draft>): boolean {
  return want !== undefined && sameEntry(want, made!);
}

function complete(draft: Draft): Present {
  const entry = draft.look();
  if (entry.kind === "absent") throw changedMeanwhile(); // somebody removed our temporary object
  return entry;
}

/** Complete, announced, durable: the switch. */
function replace(way: Way<Draft>): void {
  const { plan: { place }, draft, made } = way;
  if (place.admitted.entry.kind !== "absent") verify(place); // else the rename itself replaces nothing
  way.end(switchIn(place, { draft: draft!, made: made! }), "recorded");
  draft![Symbol.dispose]();
}

function fail(way: Way<Draft>, error: unknown): void {
  const { plan: { place }, temp } = way, draft = way.draft!;
  if (error instanceof Unfinished) {
    draft.settle(); // the complete object stays under its temporary name, and the intent with it
    way.end(refusalOf(error.cause), "left");
    way.changed = true;
    return;
  }
  const outcome = refusalOf(error);
  draft[Symbol.dispose]();
  way.end(outcome, isGone(place.dir, temp as Name) ? "withdrawn" : "left");
}

/** Directories, each once; then one transaction for all. */
async function settle(workshop: Workshop, ways: readonly Way<Draft>[]): Promise<Applied[]> {
  const placed = ways.filter(({ settling }) => settling === "recorded");
  const syncing = syncDirectories(workshop, placed.map(({ plan }) => plan.place.dir));
  const synced = syncing instanceof Promise ? await syncing : syncing;
  for (let n = 0; n < placed.length; n++) {
    const way = placed[n]!;
    if (way.outcome!.kind === "done") way.outcome = synced[n];
  }
  await settleAll(workshop, {
    recorded: placed.map(({ target, made }) => ({ target, entry: made! })),
    withdrawn: ways.filter(({ settling }) => settling === "withdrawn").map(({ target }) => target),
    actions: true,
  });
  return ways.map(({ outcome, changed }) => ({ outcome: outcome!, changed }));
}
