/** Patterns of a group: one, and a whole list as a matcher for many names (D 2.3-2.5). */
import { componentsOf, TrieNode } from "./pattern_trie.ts";
import { compileProgram, compileShell, literal, type Matcher } from "./shell_match.ts";

export interface Pattern {
  readonly kind: "include" | "exclude" | "compare";
  /** As written, without trailing slashes. */
  readonly text: string;
}

const SLASH = 47;

/** Whether a pattern is matched with whole names; every other one with their last part (D 2.3). */
export function isPathPattern(text: string): boolean {
  return text.startsWith("/") || text.startsWith("%");
}

/** One path pattern, matched with a complete name; what lies below is the list's business. */
class PathPattern {
  readonly index: number;
  readonly isInclude: boolean;
  readonly #matches: Matcher;
  /** What stands before the first wildcard. */
  readonly #head: string;
  /** Slashes that a matching name has; undefined with `**`. */
  readonly #depth: number | undefined;
  /** Without `**`: the pattern cut at each of its slashes, from the first on. */
  readonly #cuts: readonly Matcher[];

  constructor({ kind, text }: Pattern, index: number) {
    this.index = index;
    this.isInclude = kind !== "exclude";
    const pathname = !text.includes("**");
    this.#matches = compileShell(text, { pathname });
    const { ops, starts } = compileProgram(text) ?? { ops: [], starts: [] };
    const wild = ops.findIndex((op) => op < 0);
    this.#head = literal(wild < 0 ? ops : ops.slice(0, wild));
    const slashes = starts.filter((_, at) => ops[at] === SLASH);
    this.#depth = pathname ? slashes.length : undefined;
    this.#cuts = pathname
      ? slashes.map((start) => compileShell(text.slice(0, start), { pathname }))
      : [];
  }

  /** @param depth number of slashes of `name` */
  matches(name: string, depth: number): boolean {
    return (this.#depth === undefined || this.#depth === depth) && this.#matches(name);
  }

  /**
   * Whether some name below the directory `dir` could match (D 2.5, D 7.2.4). A `**` takes whatever
   * follows, so only what stands before the first wildcard can rule a directory out.
   *
   * @param depth number of slashes of `dir`
   */
  reachesBelow(dir: string, depth: number): boolean {
    if (this.#depth !== undefined) return this.#cuts[depth]?.(dir) ?? false;
    const start = `${dir}/`;
    return start.startsWith(this.#head) || this.#head.startsWith(start);
  }
}

/** What is settled for all names in and below one directory. */
interface DirState {
  readonly dir: string;
  /** Slashes of a name in the directory. */
  readonly depth: number;
  /** Highest index of the path patterns that match the directory or one above; -1: none. */
  readonly settled: number;
  /** Path patterns that match neither the directory nor one above, but could match below. */
  readonly open: readonly PathPattern[];
  /** The same of those that are in the tree: where they have come to. */
  readonly nodes: readonly TrieNode[];
  /**
   * Whether, from the root of some include down to the directory, no part is excluded by its base name.
   */
  readonly isAccepted: boolean;
}

/** LIMIT: directories remembered per list of patterns; a walk needs its depth, servers a few. */
const STATES_MAX = 1_024;

/**
 * The patterns of one group, compiled: the one function for walk, direct checks, lists and servers.
 *
 * A name matches if its last matching path pattern is an include, and if no base name pattern excludes
 * it **or a directory above it**, from the root of the include on (the root counts: a walk never enters
 * an excluded one). The root is the shortest leading part of the name that the include matches; of
 * several includes the deepest root decides, so that `include /a /a/x/deep; exclude x` keeps `deep`
 * (D 2.4, D 7.2.5, D 7.2.6).
 */
export class PatternList {
  /** Of the path patterns, by index. */
  readonly #isInclude: boolean[];
  /** From the last declared to the first: the first match decides. */
  readonly #bases: readonly { readonly isInclude: boolean; readonly matches: Matcher }[];
  readonly #top: DirState;
  /** For a bare `%p%`, which has no directory and no slash. */
  readonly #bare: DirState;
  readonly #states = new Map<string, DirState>();
  #latest: DirState;

  /**
   * @param options `compare`: compare patterns count as includes; otherwise they count for nothing.
   * `hasTree`: false looks at each pattern by itself, for tests
   */
  constructor(
    patterns: readonly Pattern[],
    { compare, hasTree = true }: { readonly compare: boolean; readonly hasTree?: boolean },
  ) {
    const counting = patterns.filter(({ kind }) => compare || kind !== "compare");
    const tree = new TrieNode();
    const open: PathPattern[] = [];
    this.#isInclude = [];
    for (const pattern of counting.filter(({ text }) => isPathPattern(text))) {
      const index = this.#isInclude.length, isInclude = pattern.kind !== "exclude";
      this.#isInclude.push(isInclude);
      const components = hasTree ? componentsOf(pattern.text) : undefined;
      if (components === undefined) open.push(new PathPattern(pattern, index));
      else tree.add(components, { index, isInclude });
    }
    this.#bases = counting.filter(({ text }) => !isPathPattern(text))
      .map(({ kind, text }) => ({ isInclude: kind !== "exclude", matches: compileShell(text) }))
      .reverse();
    // Names begin with a slash, so with an empty component; those of prefixes do not.
    const nodes = [...tree.matching("")].filter((node) => !node.isLeaf);
    this.#top = { dir: "", depth: 1, settled: -1, open, nodes, isAccepted: false };
    this.#bare = { ...this.#top, depth: 0, nodes: [tree] };
    this.#latest = this.#top;
  }

  /** Whether the name is one of the group's. */
  matches(name: string): boolean {
    const slash = name.lastIndexOf("/");
    const state = this.#stateOfDirOf(name, slash);
    let { settled, isAccepted } = state;
    // PERF: an indexed loop over what is mostly empty; the whole call costs about 0.1 µs.
    for (let i = 0; i < state.open.length; i++) {
      const pattern = state.open[i]!;
      if (!pattern.matches(name, state.depth)) continue;
      if (pattern.index > settled) settled = pattern.index;
      isAccepted ||= pattern.isInclude;
    }
    const leaf = name.slice(slash + 1);
    for (let i = 0; i < state.nodes.length; i++) {
      for (const node of state.nodes[i]!.matching(leaf)) {
        if (node.last > settled) settled = node.last;
        isAccepted ||= node.hasInclude;
      }
    }
    if (!isAccepted || !this.#isInclude[settled]) return false;
    return this.#acceptsLeaf(leaf);
  }

  /** Whether a directory that does not match has to be entered for the sake of what lies below. */
  reachesBelow(dir: string): boolean {
    const slash = dir.lastIndexOf("/");
    const state = this.#stateOfDirOf(dir, slash);
    const leaf = dir.slice(slash + 1);
    for (const node of state.nodes) {
      if (node.matching(leaf).some(({ hasIncludeBelow }) => hasIncludeBelow)) return true;
    }
    return state.open.some((pattern) =>
      pattern.isInclude && !pattern.matches(dir, state.depth) &&
      pattern.reachesBelow(dir, state.depth)
    );
  }

  #acceptsLeaf(leaf: string): boolean {
    for (let i = 0; i < this.#bases.length; i++) {
      const base = this.#bases[i]!;
      if (base.matches(leaf)) return base.isInclude;
    }
    return true;
  }

  #stateOfDirOf(name: string, slash: number): DirState {
    if (slash < 0) return this.#bare;
    const { dir } = this.#latest;
    if (dir.length === slash && name.startsWith(dir)) return this.#latest;
    return this.#latest = slash === 0 ? this.#top : this.#stateOf(name.slice(0, slash));
  }

  #stateOf(dir: string): DirState {
    const known = this.#states.get(dir);
    if (known !== undefined) return known;
    let state = this.#top;
    for (let end = dir.indexOf("/", 1); state.dir !== dir; end = dir.indexOf("/", end + 1)) {
      const part = end < 0 ? dir : dir.slice(0, end);
      state = this.#states.get(part) ?? this.#below(state, part);
    }
    return state;
  }

  /** The state of `dir`, from that of the directory above. */
  #below(above: DirState, dir: string): DirState {
    const depth = above === this.#top && !dir.startsWith("/") ? 0 : above.depth;
    let { settled, isAccepted } = above;
    const open: PathPattern[] = [];
    for (const pattern of above.open) {
      if (pattern.matches(dir, depth)) {
        settled = Math.max(settled, pattern.index);
        isAccepted ||= pattern.isInclude;
      } else if (pattern.reachesBelow(dir, depth)) open.push(pattern);
    }
    const leaf = dir.slice(dir.lastIndexOf("/") + 1);
    const nodes: TrieNode[] = [];
    const from = depth === 0 ? this.#bare.nodes : above.nodes;
    for (const node of from.flatMap((node) => [...node.matching(leaf)])) {
      settled = Math.max(settled, node.last);
      isAccepted ||= node.hasInclude;
      if (!node.isLeaf) nodes.push(node);
    }
    isAccepted &&= this.#acceptsLeaf(leaf);
    const state = { dir, depth: depth + 1, settled, open, nodes, isAccepted };
    if (this.#states.size >= STATES_MAX) this.#states.clear();
    this.#states.set(dir, state);
    return state;
  }
}
