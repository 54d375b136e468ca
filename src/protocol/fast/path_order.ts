/** Requests on the same path, or on paths of which one is above the other, one after the other (pure). */

/** A request and those that it waits for. */
export interface Place {
  /** Places before it that have not ended; one that is in its way twice counts twice. */
  before: number;
  /** Told when that becomes none. */
  readonly ready: () => void;
  readonly after: Place[];
  /** None for what only waits for others, and nobody waits for. */
  readonly nodes: Node[];
}

/** One path on which, or below which, there is something. */
interface Node {
  readonly path: string;
  parent: Node | undefined;
  /** Who came last: everybody who came before him on the path, above it and below it is before him. */
  last: Place | undefined;
  /** The first of those directly below, which know each other. */
  child: Node | undefined;
  next: Node | undefined;
  previous: Node | undefined;
  isIn: boolean;
}

/** LIMIT: names that have more components in common are one path here: they wait for each other in vain. */
const LEVELS = 32;
/** LIMIT: paths; with that many in work, whoever comes waits for all of them. Each takes some 200 bytes. */
const NODES = 262_144;
/** LIMIT: paths that one request looks at only to wait for them. */
const VISITS = 4_096;

/**
 * Who came first on a path goes first.
 *
 * PERF: a tree of the paths in work, found by one map: a request that meets nobody costs two look-ups
 * and a walk up its directories, however many are in work. Whoever enters a path waits for all that is
 * below it, and those who come below it later wait for him: so what was below is forgotten, and nobody
 * can make us look at it again.
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
    const place: Place = { before: 0, ready, after: [], nodes: [] };
    const nodes = paths.map((path) => this.#node(this.#cut(path)));
    for (const node of nodes) {
      if (!node.isIn) continue; // it is below another one of the paths
      followAbove(place, node);
      this.#replaceBelow(place, node);
    }
    for (const node of nodes) {
      if (!node.isIn) continue;
      node.last = place;
      place.nodes.push(node);
    }
    return place;
  }

  /** As `enter`, but nobody waits for it. */
  wait(paths: Iterable<string>, ready: () => void): Place {
    const place: Place = { before: 0, ready, after: [], nodes: [] };
    if (this.#nodes.size === 0) return place;
    let visits = VISITS;
    for (const path of paths) visits = this.#waitFor(place, this.#cut(path), visits);
    return place;
  }

  /** The request has ended: those behind it may go on. */
  leave(place: Place): void {
    for (const node of place.nodes) {
      if (node.last !== place) continue; // somebody waits behind it there
      node.last = undefined;
      this.#prune(node);
    }
    for (const next of place.after) if (--next.before === 0) next.ready();
  }

  /** @returns how many paths may still be looked at */
  #waitFor(place: Place, path: string, visits: number): number {
    const own = this.#nodes.get(path);
    if (own?.child !== undefined) {
      const left = followBelow(place, own, visits);
      if (left <= 0) this.#waitTogether(place, path);
      return left;
    }
    for (let at: string | undefined = path; at !== undefined; at = above(at)) {
      const node = this.#nodes.get(at);
      if (node !== undefined) {
        followAbove(place, node);
        break;
      }
    }
    return visits;
  }

  /** Somebody takes a place for all who wait there, so that it is looked at once. */
  #waitTogether(place: Place, path: string): void {
    const joint: Place = this.enter([path], () => this.leave(joint));
    follow(place, joint);
    if (joint.before === 0) this.leave(joint);
  }

  /** What stands for the path here: itself, mostly. */
  #cut(path: string): string {
    if (this.#nodes.size >= NODES) return top(path);
    return path.length <= 2 * LEVELS ? path : firstLevels(path);
  }

  #node(path: string): Node {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const up = above(path);
    const parent = up === undefined ? undefined : this.#node(up);
    const next = parent?.child, last = undefined, child = undefined;
    const node: Node = { path, parent, last, child, next, previous: undefined, isIn: true };
    if (next !== undefined) next.previous = node;
    if (parent !== undefined) parent.child = node;
    this.#nodes.set(path, node);
    return node;
  }

  #replaceBelow(place: Place, node: Node): void {
    for (let at = node.child; at !== undefined; at = at.next) {
      if (at.last !== undefined) follow(place, at.last);
      if (at.child !== undefined) this.#replaceBelow(place, at);
      at.isIn = false;
      this.#nodes.delete(at.path);
      at.parent = undefined; // whoever has a place there would keep all that was above it
    }
    node.child = undefined;
  }

  #prune(node: Node): void {
    let at: Node | undefined = node;
    while (at !== undefined && at.isIn && at.last === undefined && at.child === undefined) {
      const { path, parent, next, previous }: Node = at;
      at.isIn = false;
      this.#nodes.delete(path);
      if (next !== undefined) next.previous = previous;
      if (previous !== undefined) previous.next = next;
      else if (parent !== undefined) parent.child = next;
      at = parent;
    }
  }
}

/** Everything absolute lies below `/`, everything with a prefix below that. */
function above(path: string): string | undefined {
  const slash = path.lastIndexOf("/");
  if (slash < 0 || path === "/") return undefined;
  return slash === 0 ? "/" : path.slice(0, slash);
}

function top(path: string): string {
  const slash = path.indexOf("/");
  return slash === 0 ? "/" : slash < 0 ? path : path.slice(0, slash);
}

function firstLevels(path: string): string {
  let end = 0;
  for (let level = 0; level < LEVELS; level++) {
    end = path.indexOf("/", end + 1);
    if (end < 0) return path;
  }
  return path.slice(0, end);
}

function follow(place: Place, other: Place): void {
  other.after.push(place);
  place.before++;
}

/** Whoever is on the nearest path has all that were above him before him. */
function followAbove(place: Place, node: Node): void {
  let at: Node | undefined = node;
  while (at !== undefined && at.last === undefined) at = at.parent;
  if (at?.last !== undefined) follow(place, at.last);
}

/** All that are on the path or below it, or above it. @returns what is left of `visits` */
function followBelow(place: Place, node: Node, visits: number): number {
  followAbove(place, node);
  const down = (up: Node) => {
    for (let at = up.child; at !== undefined && visits-- > 0; at = at.next) {
      if (at.last !== undefined) follow(place, at.last);
      down(at);
    }
  };
  down(node);
  return visits;
}
