/** How many removals a check would record: `--max-removals` asks before anything is written. */
import { type Config, includeRoots, namesFor, prefixesBelow, rootsOver } from "../config/mod.ts";
import { byteOrder, type DbName, isBelow } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { CheckContext } from "./context.ts";
import type { Finding, FindingSink } from "./finding.ts";
import { HeldRemovals } from "./held_removals.ts";
import type { Pass } from "./join.ts";
import { checkTarget } from "./pass.ts";
import type { CheckTarget } from "./spaces.ts";

/** Findings that are looked at together. */
const BATCH_NAMES = 2_000;

export interface CountOptions {
  readonly targets: readonly CheckTarget[];
  /** Whether the known names are wanted too. */
  readonly countsKnown: boolean;
  readonly passFor: (sink: FindingSink, context: CheckContext) => Pass;
}

/**
 * Looks at everything as a check does, says and writes nothing. Removals that a missing root holds do not
 * count. `known`: recorded names at and below the recursive targets; a single name stands for the include
 * root that it is in.
 */
export async function countRemovals(
  options: CheckContext,
  { targets, countsKnown, passFor }: CountOptions,
): Promise<{ vanished: number; known: number }> {
  const context = { ...options, reporter: new Silence() };
  const held = new HeldRemovals(context);
  const wanted = withoutCovered(targets);
  const tally = new Tally(held, mayOverlap(wanted));
  const pass = passFor(tally, context);
  for (const target of wanted) {
    await checkTarget(pass, held, target);
    await tally.flush();
  }
  const known = countsKnown ? await countKnown(options, wanted) : 0;
  return { vanished: tally.vanished, known };
}

/** Counts what would be written as removed. */
class Tally implements FindingSink {
  #findings: Finding[] = [];
  readonly #held: HeldRemovals;
  /** LIMIT: only where targets overlap, which lists of single names do. */
  readonly #names: Set<DbName> | undefined;
  vanished = 0;

  constructor(held: HeldRemovals, mayOverlap: boolean) {
    this.#held = held;
    this.#names = mayOverlap ? new Set() : undefined;
  }

  add(finding: Finding): void {
    if (finding.do !== "remove" || this.#names?.has(finding.name)) return;
    this.#names?.add(finding.name);
    this.#findings.push(finding);
  }

  get isFull(): boolean {
    return this.#findings.length >= BATCH_NAMES;
  }

  async flush(): Promise<void> {
    const findings = this.#findings;
    this.#findings = [];
    this.vanished += (await this.#held.sieve(findings)).length;
  }

  async endTarget(): Promise<void> {
    await this.flush();
  }
}

/** Targets that are not below or the same as another one. */
function withoutCovered(targets: readonly CheckTarget[]): CheckTarget[] {
  const wanted: CheckTarget[] = [];
  let tree: CheckTarget | undefined;
  const ordered = targets.toSorted((a, b) =>
    byteOrder(`${a.path}/`.replace("//", "/"), `${b.path}/`.replace("//", "/")) ||
    Number(b.recursive) - Number(a.recursive)
  );
  for (const target of ordered) {
    const { path } = target;
    if (tree !== undefined && (path === tree.path || isBelow(path, tree.path))) continue;
    if (path === wanted.at(-1)?.path) continue;
    if (target.recursive) tree = target;
    wanted.push(target);
  }
  return wanted;
}

/** Whether a check of the targets can come to one name more than once. */
export function overlap(targets: readonly CheckTarget[]): boolean {
  return mayOverlap(targets) || withoutCovered(targets).length < targets.length;
}

/** A single name that is gone takes what was below it with it. */
function mayOverlap(targets: readonly CheckTarget[]): boolean {
  return targets.length > 1 && targets.some(({ recursive }) => !recursive);
}

async function countKnown(
  { config, state }: { config: Config; state: StateStore },
  targets: readonly CheckTarget[],
): Promise<number> {
  const names = new Set(targets.flatMap((target) => rangesOf(config, target)));
  const tops = [...names].filter((name) => !names.values().some((top) => isBelow(name, top)));
  const isAll = targets.some(({ path, recursive }) => recursive && path === "/");
  let known = 0;
  const ranges = isAll ? [undefined] : tops.map((name) => ({ name, below: true }));
  for (const range of ranges) {
    for await (const rows of state.records("ascending", range)) known += rows.length;
  }
  return known;
}

function rangesOf(config: Config, { path, recursive }: CheckTarget): DbName[] {
  const names = namesFor(config, path);
  if (recursive) return [...names, ...prefixesBelow(config, path).map(({ name }) => name)];
  const roots = includeRoots(config);
  return names.map((name) => rootsOver(roots, name)[0] ?? name);
}

/** What is counted is told when it is done. */
class Silence implements Reporter {
  readonly errors = 0;
  wants(): boolean {
    return false;
  }
  note(): void {}
  progress(): void {}
  print(): void {}
}
