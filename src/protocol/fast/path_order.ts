/** Requests on the same path, or on paths of which one is above the other, one after the other (pure). */

/** A request and those that it waits for. */
export interface Place {
  /** Places before it that have not ended. */
  before: number;
  /** Told when that becomes none. */
  readonly ready: () => void;
  readonly after: Place[];
  /** None for what only waits for others, and nobody waits for. */
  readonly nodes: readonly Node[];
}

/** One path on which, or below which, there is something. */
interface Node {
  readonly path: string;
  readonly parent: Node | undefined;
  /** In order of arrival; the last one waits for all the others. */
  readonly places: Place[];
  children: Set<Node> | undefined;
}

/**
 * Who came first on a path goes first.
 *
 * PERF: a tree of the paths in work, found by one map: a request that meets nobody costs two look-ups
 * and a walk up its directories, however many are in work.
 */
export class PathOrder {
  readonly #nodes = new Map<string, Node>();

  get size(): number {
    return this.#nodes.size;
  }

  /**
   * Takes a place behind everybody on the paths, above them and below them. `ready` is called, later,
   * unless there was nobody.
   *
   * @returns a place whose `before` is 0 when the request may begin at once
   */
  enter(paths: readonly string[], ready: () => void): Place {
    const nodes = paths.map((path) => this.#node(path));
    const place: Place = { before: 0, ready, after: [], nodes };
    for (const node of nodes) {
      for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
        follow(place, at.places);
      }
      if (node.children !== undefined) followBelow(place, node);
    }
    for (const node of nodes) node.places.push(place);
    return place;
  }

  /** As `enter`, but nobody waits for it. */
  wait(paths: Iterable<string>, ready: () => void): Place {
    const place: Place = { before: 0, ready, after: [], nodes: [] };
    if (this.#nodes.size === 0) return place;
    for (const path of paths) this.#waitFor(place, path);
    return place;
  }

  /** The request has ended: those behind it may go on. */
  leave(place: Place): void {
    for (const node of place.nodes) {
      node.places.splice(node.places.indexOf(place), 1);
      this.#prune(node);
    }
    for (const next of place.after) if (--next.before === 0) next.ready();
  }

  #waitFor(place: Place, path: string): void {
    const own = this.#nodes.get(path);
    if (own?.children !== undefined) followBelow(place, own);
    for (let at: string | undefined = path; at !== undefined; at = above(at)) {
      const node = this.#nodes.get(at);
      if (node === undefined) continue;
      for (let next: Node | undefined = node; next !== undefined; next = next.parent) {
        follow(place, next.places);
      }
      return;
    }
  }

  #node(path: string): Node {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const up = above(path);
    const parent = up === undefined ? undefined : this.#node(up);
    const node: Node = { path, parent, places: [], children: undefined };
    if (parent !== undefined) (parent.children ??= new Set()).add(node);
    this.#nodes.set(path, node);
    return node;
  }

  #prune(node: Node): void {
    for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
      if (at.places.length > 0 || (at.children?.size ?? 0) > 0) return;
      this.#nodes.delete(at.path);
      at.parent?.children?.delete(at);
    }
  }
}

/** Everything absolute lies below `/`, everything with a prefix below that. */
function above(path: string): string | undefined {
  const slash = path.lastIndexOf("/");
  if (slash < 0 || path === "/") return undefined;
  return slash === 0 ? "/" : path.slice(0, slash);
}

function follow(place: Place, places: readonly Place[]): void {
  const last = places[places.length - 1];
  if (last === undefined) return;
  last.after.push(place);
  place.before++;
}

function followBelow(place: Place, { children }: Node): void {
  for (const child of children ?? []) {
    follow(place, child.places);
    followBelow(place, child);
  }
}
