/**
 * Path patterns of literals and `*` as a tree of their components: patterns that begin alike are looked
 * at once, and of many components only those that could match a name.
 *
 * PERF: 100,000 patterns cost a name as much as ten.
 */
import { compileProgram, compileShell, literal, type Matcher, STAR } from "./shell_match.ts";

const SLASH = 47;

/** What the tree has to know of a pattern. */
export interface Indexed {
  readonly index: number;
  readonly isInclude: boolean;
}

/** One component of one or several patterns that begin alike. */
export class TrieNode {
  /** Highest index of the patterns that end here; -1: none does. */
  last = -1;
  /** Whether an include ends here. */
  hasInclude = false;
  /** Whether an include ends strictly below. */
  hasIncludeBelow = false;
  isLeaf = true;
  readonly #exact = new Map<string, TrieNode>();
  readonly #wild = new Map<string, Edge>();
  readonly #byHead = new Affixes((text, length) => text.slice(0, length));
  readonly #byTail = new Affixes((text, length) => text.slice(text.length - length));
  readonly #rest: Edge[] = [];

  /** @param components operations of the pattern, cut at its slashes */
  add(components: readonly (readonly number[])[], pattern: Indexed, at = 0): void {
    const ops = components[at];
    if (ops === undefined) {
      this.last = Math.max(this.last, pattern.index);
      this.hasInclude ||= pattern.isInclude;
      return;
    }
    this.isLeaf = false;
    this.hasIncludeBelow ||= pattern.isInclude;
    this.#child(ops).add(components, pattern, at + 1);
  }

  /** The nodes whose component matches. */
  *matching(component: string): Generator<TrieNode> {
    const exact = this.#exact.get(component);
    if (exact !== undefined) yield exact;
    for (const edges of [this.#byHead.of(component), this.#byTail.of(component), this.#rest]) {
      for (const { matches, node } of edges) if (matches(component)) yield node;
    }
  }

  #child(ops: readonly number[]): TrieNode {
    const wild = ops.findIndex((op) => op < 0);
    if (wild < 0) {
      const text = literal(ops);
      const known = this.#exact.get(text) ?? new TrieNode();
      this.#exact.set(text, known);
      return known;
    }
    const key = ops.join(",");
    const known = this.#wild.get(key);
    if (known !== undefined) return known.node;
    const edge = { matches: matcherOf(ops), node: new TrieNode() };
    this.#wild.set(key, edge);
    const head = literal(ops.slice(0, wild));
    const tail = literal(ops.slice(ops.findLastIndex((op) => op < 0) + 1));
    if (head !== "") this.#byHead.add(head, edge);
    else if (tail !== "") this.#byTail.add(tail, edge);
    else this.#rest.push(edge);
    return edge.node;
  }
}

interface Edge {
  readonly matches: Matcher;
  readonly node: TrieNode;
}

const NONE: readonly Edge[] = [];

/** Edges by a literal part at one end of their component. */
class Affixes {
  readonly #edges = new Map<string, Edge[]>();
  #lengths: number[] = [];

  constructor(private readonly part: (text: string, length: number) => string) {}

  add(affix: string, edge: Edge): void {
    const known = this.#edges.get(affix);
    if (known !== undefined) return void known.push(edge);
    this.#edges.set(affix, [edge]);
    if (!this.#lengths.includes(affix.length)) this.#lengths.push(affix.length);
  }

  of(text: string): readonly Edge[] {
    if (this.#edges.size === 0) return NONE;
    let found: Edge[] | undefined;
    for (const length of this.#lengths) {
      if (length > text.length) continue;
      const edges = this.#edges.get(this.part(text, length));
      if (edges !== undefined) found = found === undefined ? edges : [...found, ...edges];
    }
    return found ?? NONE;
  }
}

/** Literals and `*` again as a pattern. */
function matcherOf(ops: readonly number[]): Matcher {
  const text = ops.map((op) => op < 0 ? "*" : `\\${String.fromCodePoint(op)}`).join("");
  return compileShell(text);
}

/**
 * Components of a pattern for the tree; undefined when it has anything but literals and `*`: `**` goes
 * over slashes, and what `?` and brackets take depends on the whole name (D 7.2.7).
 */
export function componentsOf(text: string): readonly (readonly number[])[] | undefined {
  const program = text.includes("**") ? undefined : compileProgram(text);
  if (program === undefined || program.sets.length > 0) return undefined;
  const components: number[][] = [[]];
  for (const op of program.ops) {
    if (op === SLASH) components.push([]);
    else if (op >= 0 || op === STAR) components.at(-1)!.push(op);
    else return undefined;
  }
  return components;
}
