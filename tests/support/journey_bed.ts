/** A host for tests of journeys: a temporary tree, a configuration, a state in memory. */
import {
  check,
  type CheckCounts,
  type CheckOptions,
  type CheckTarget,
} from "../../src/check/mod.ts";
import type { Config } from "../../src/config/mod.ts";
import { openReadJail, type ReadJail } from "../../src/fs/mod.ts";
import { type DbName, dbName, type DiskPath, percentDecode } from "../../src/model/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { MemoryStore, type StateStore } from "../../src/state/mod.ts";
import { configOf, type ConfigOfOptions } from "./config.ts";
import { type Tree, tree, type TreeSpec } from "./tree.ts";

export interface BedOptions extends ConfigOfOptions {
  readonly state?: StateStore;
}

export class Bed implements AsyncDisposable {
  readonly tree: Tree;
  readonly jail: ReadJail = openReadJail();
  readonly state: StateStore;
  config: Config;
  reporter = new MemoryReporter();
  readonly #options: BedOptions;

  /** @param text configuration; `@` before a slash, `;` or blank stands for the tree's path */
  constructor(text: string, spec: TreeSpec = {}, options: BedOptions = {}) {
    this.tree = tree(spec);
    this.state = options.state ?? new MemoryStore();
    this.#options = options;
    this.config = this.parse(text);
  }

  parse(text: string): Config {
    return configOf(text.replaceAll(/@(?=[/;\s])/g, this.tree.path), this.#options);
  }

  path(below: string): DiskPath {
    return below === "" ? this.tree.path : this.tree.join(below);
  }

  /** Name of a path as it is, or with `%` in front as it stands. */
  name(below: string): DbName {
    return below.startsWith("%") ? dbName(below) : dbName(this.path(below));
  }

  target(below: string, recursive = true): CheckTarget {
    return { path: below === "/" ? "/" as DiskPath : this.path(below), recursive };
  }

  /** Checks with a fresh reporter; by default the whole tree. */
  async check(options: Partial<CheckOptions> = {}): Promise<CheckCounts> {
    this.reporter = new MemoryReporter();
    const { config, state, jail, reporter } = this;
    return await check({
      config,
      state,
      jail,
      reporter,
      targets: [this.target("")],
      ...options,
    });
  }

  /** Names below the tree as `x/y`, others as they are. */
  short(name: string): string {
    const top = `${this.tree.path}/`;
    return name === this.tree.path ? "." : name.startsWith(top) ? name.slice(top.length) : name;
  }

  /** Texts of the events so far with levels up to `level`, names shortened. */
  lines(level = 1): string[] {
    return this.reporter.events.filter((e) => e.level <= level).map((e) =>
      e.text.replaceAll(`${this.tree.path}/`, "").replaceAll(this.tree.path, ".")
    );
  }

  /** Names reported as marked, in order. */
  marked(): string[] {
    const events = this.reporter.events.filter((e) => e.event === "file-marked");
    return events.map((e) => this.short(e.name!));
  }

  async records(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for await (const rows of this.state.records("ascending")) {
      for (const row of rows) found[this.short(row.name)] = percentDecode(row.stored);
    }
    return found;
  }

  async recordNames(): Promise<string[]> {
    return Object.keys(await this.records());
  }

  /** `name -> peer`, with `!` in front when forced. */
  async dirty(): Promise<string[]> {
    const found: string[] = [];
    for await (const rows of this.state.dirtyRows()) {
      for (const row of rows) {
        found.push(`${row.forced ? "!" : ""}${this.short(row.name)} -> ${row.peer}`);
      }
    }
    return found;
  }

  async clearDirty(): Promise<void> {
    const names = new Set<DbName>();
    for await (const rows of this.state.dirtyRows()) for (const row of rows) names.add(row.name);
    await this.state.transaction(async (tx) => {
      for (const name of names) await tx.clearMarks(name);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.jail[Symbol.dispose]();
    await this.state[Symbol.asyncDispose]();
    this.tree[Symbol.dispose]();
  }
}
