/** What a scenario of the matrix has led to: trees, marks, records, and files outside the trees. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { percentDecode } from "../../src/model/mod.ts";
import type { Cluster } from "./cluster.ts";

export interface Observed {
  /** Trees with times, by host: equal on hosts that are in sync. */
  readonly exact: Readonly<Record<string, string>>;
  /** `a b f`: held by `a` for `b`. */
  readonly marks: readonly string[];
  /** Outside the tree: `b:log` -> content, `-> target`, or `/` for a directory. */
  readonly out: ReadonlyMap<string, string>;
  /** All of it as it is comparable with another cluster. */
  readonly comparable: unknown;
}

export interface ObserveOptions {
  readonly nodes: readonly string[];
  /** Directory of the scenario in the tree, and of its files outside. */
  readonly dir: string;
  /** Times from here on are called `now`. */
  readonly sinceSeconds: number;
}

/** Rows of a node's database as byte strings. */
function rows(cluster: Cluster, node: string, sql: string): string[][] {
  const db = new DatabaseSync(cluster.database(node));
  try {
    const latin = (value: unknown) =>
      value instanceof Uint8Array
        ? Array.from(value, (byte) => String.fromCharCode(byte)).join("")
        : `${value}`;
    return db.prepare(sql).all().map((row) => Object.values(row).map(latin));
  } finally {
    db.close();
  }
}

/** Marks of a node: peer and stored name, decoded. */
function marksOf(cluster: Cluster, node: string): [string, string][] {
  const sql = "SELECT CAST(peername AS BLOB), CAST(filename AS BLOB) FROM dirty ORDER BY 1, 2";
  return rows(cluster, node, sql).map(([peer = "", name = ""]) => [peer, decoded(name)]);
}

/** Records of a node as C programs see them: check text up to a NUL, and stored name. */
function recordsOf(cluster: Cluster, node: string): [string, string][] {
  const sql = "SELECT CAST(filename AS BLOB), CAST(checktxt AS BLOB) FROM file ORDER BY 1";
  return rows(cluster, node, sql)
    .map(([name = "", text = ""]) => [decoded(name), decoded(text.split("\0")[0]!)]);
}

const decoded = (text: string): string => percentDecode(text) ?? text;

/** Content of a file, `-> target`, `/` for a directory, "" for nothing. */
export function contentAt(path: string): string {
  try {
    const info = Deno.lstatSync(path);
    if (info.isDirectory) return "/";
    if (info.isSymlink) return `-> ${Deno.readLinkSync(path)}`;
    return new TextDecoder("latin1").decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "";
    }
    throw error;
  }
}

function readAll(root: string): [string, string][] {
  const found: [string, string][] = [];
  const visit = (path: string, shown: string) => {
    if (shown !== "") found.push([shown, contentAt(path)]);
    if (!Deno.lstatSync(path).isDirectory) return;
    for (const { name } of Deno.readDirSync(path)) {
      visit(`${path}/${name}`, shown ? `${shown}/${name}` : name);
    }
  };
  visit(root, "");
  return found.sort(([a], [b]) => a < b ? -1 : 1);
}

export function observe(
  cluster: Cluster,
  { nodes, dir, sinceSeconds }: ObserveOptions,
): Observed {
  const root = `${cluster.mount}/${dir}`;
  const below = (name: string) =>
    name.startsWith("%") ? name : name === root ? "." : name.slice(root.length + 1);
  // Names with a prefix are in clusters of one scenario only.
  const isOurs = (name: string) =>
    name === root || name.startsWith(`${root}/`) || name.startsWith("%");
  const exact: Record<string, string> = {}, records: Record<string, string[]> = {};
  const marks: string[] = [];
  const out = new Map<string, string>();
  for (const node of nodes) {
    exact[node] = cluster.dump(node, { below: dir });
    for (const [peer, name] of marksOf(cluster, node)) {
      if (isOurs(name)) marks.push(`${node} ${peer.split(".")[0]} ${below(name)}`);
    }
    records[node] = recordsOf(cluster, node).filter(([name]) => isOurs(name))
      .map(([name, text]) => `${below(name)}: ${text}`);
    for (const [p, c] of readAll(`${cluster.base}/${node}/out/${dir}`)) {
      out.set(`${node}:${p.replace(root, "$DIR")}`, c.replaceAll(root, "$DIR"));
    }
  }
  marks.sort();
  const comparable = (text: string) =>
    text.replaceAll(cluster.base.slice(cluster.base.lastIndexOf("/") + 1), "$BASE").replace(
      /\b1[6-9]\d{8}\b/g,
      (time) => {
        const seconds = Number(time);
        return seconds >= sinceSeconds && seconds < sinceSeconds + 600 ? "now" : time;
      },
    );
  // Sorted once more: lines with times stand elsewhere when these differ.
  const sorted = (lines: Readonly<Record<string, readonly string[]>>) =>
    nodes.map((node) => [node, lines[node]!.map(comparable).sort()]);
  const trees = Object.fromEntries(nodes.map((node) => [node, exact[node]!.split("\n")]));
  const outside = [...out].map(([where, content]) => comparable(`${where}: ${content}`));
  return {
    exact,
    marks,
    out,
    comparable: { trees: sorted(trees), records: sorted(records), marks, out: outside },
  };
}

/** All trees, marks and records of the nodes as one text. */
export function listings(cluster: Cluster, nodes: readonly string[]): string {
  return nodes.map((node) =>
    `${node}\n${cluster.dump(node)}\n${JSON.stringify(marksOf(cluster, node))}\n` +
    JSON.stringify(recordsOf(cluster, node))
  ).join("\n");
}

/** Either program reads the node's database alike, whoever wrote it. */
export async function readable(cluster: Cluster, node: string): Promise<void> {
  for (const mode of ["-L", "-M", "-H"]) {
    const c = await cluster.runAs("c", node, mode);
    const ours = await cluster.runAs("ours", node, mode);
    assert.deepEqual(ours, c, `${mode} on ${node}`);
  }
}
