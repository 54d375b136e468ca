/** Findings that are held back, because a root is at fault or there are too many of them (D 7.3.2). */
import { type DbName, isBelow } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { type RootFault, RootGuard, say } from "../roots/mod.ts";
import type { CheckContext } from "./context.ts";
import type { Finding } from "./finding.ts";
import type { NameSpace } from "./spaces.ts";

interface Held {
  readonly fault: RootFault;
  count: number;
}

/** Decides for each finding whether it may be written, and tells at the end what was held. */
export class HeldRemovals {
  readonly #guard: RootGuard;
  readonly #held = new Map<DbName, Held>();
  /** Removals that may still be written. */
  #left = Infinity;
  #excess: say.Excess | undefined;
  #removals = 0;
  /** The limit was kept when it was counted. */
  #isLate = false;
  /** Where names can come more than once. */
  readonly #names: Set<DbName> | undefined;

  /** @param options `overlap`: names can come more than once, and count once. @default {false} */
  constructor(
    { config, state, jail, allowsRemovals = false }: Omit<CheckContext, "reporter">,
    { overlap = false }: { overlap?: boolean } = {},
  ) {
    this.#guard = new RootGuard({ config, state, jail, allowsRemovals });
    this.#names = overlap ? new Set() : undefined;
  }

  /** No more than `most` removals from now on. */
  limitTo(most: number, excess: say.Excess): void {
    this.#left = most;
    this.#isLate = most >= 0;
    this.#excess = excess;
  }

  /** Looks at the roots that a check of `space` has to do with, before it looks at anything else. */
  async lookBefore({ name, recursive }: NameSpace): Promise<void> {
    await this.#guard.lookAt((root) =>
      root === name || isBelow(name, root) || (recursive && isBelow(root, name))
    );
  }

  /**
   * The findings that may be written. The roots are looked at once more: whatever vanished while they
   * were not in order is no removal.
   *
   * RACE: a disk that goes and comes back between two of these looks is not noticed.
   */
  async sieve(findings: readonly Finding[]): Promise<readonly Finding[]> {
    if (findings.length === 0) return findings;
    const guard = this.#guard;
    guard.refresh();
    const roots = await guard.roots();
    const passed: Finding[] = [];
    for (const finding of findings) {
      const { name } = finding;
      const fault = finding.do === "remove"
        ? await guard.faultOver(name)
        : roots.has(name)
        ? await guard.faultAt(name)
        : undefined;
      if (fault === undefined) passed.push(finding);
      else this.#hold(name, fault);
    }
    return this.#withinLimit(passed);
  }

  isHeld(root: DbName): boolean {
    return this.#guard.isHeld(root);
  }

  tell(reporter: Reporter): void {
    for (const { fault, count } of this.#held.values()) {
      reporter.note(say.recordsHeld(fault, count));
    }
    if (this.#excess !== undefined && this.#left < 0) {
      const count = this.#isLate ? this.#removals : this.#excess.count;
      reporter.note(say.tooManyRemovals({ ...this.#excess, count }));
    }
  }

  #hold(name: DbName, fault: RootFault): void {
    this.#guard.hold(fault.root);
    if (this.#names?.has(name)) return;
    this.#names?.add(name);
    const held = this.#held.get(fault.root);
    if (held === undefined) this.#held.set(fault.root, { fault, count: 1 });
    else held.count++;
  }

  #withinLimit(findings: readonly Finding[]): readonly Finding[] {
    const removals = findings.filter((finding) => finding.do === "remove").length;
    if (removals === 0) return findings;
    this.#removals += removals;
    this.#left = this.#left < removals ? -1 : this.#left - removals;
    return this.#left >= 0 ? findings : findings.filter((finding) => finding.do !== "remove");
  }
}
