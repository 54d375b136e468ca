/**
 * Guards the arrows between the folders of src/ (docs/architecture.md, chapter 1).
 *
 * Fails on an upward or sideways import (types count), a cycle, an import past a `mod.ts`, and on a
 * capability used outside its owner. Tests (`*_test.ts`) may import whatever lies below their folder's
 * rank as well, and everything in tests/.
 */

/** Rank of each folder and what it may import; main.ts is above all. */
const RANKS: Readonly<Record<string, { rank: number; may: readonly string[] }>> = {
  model: { rank: 0, may: [] },
  report: { rank: 1, may: ["model"] },
  config: { rank: 1, may: ["model"] },
  delta: { rank: 1, may: ["model"] },
  os: { rank: 1, may: ["model"] },
  reconcile: { rank: 2, may: ["model", "config"] },
  fs: { rank: 2, may: ["model", "os"] },
  state: { rank: 2, may: ["model"] },
  net: { rank: 2, may: ["model", "os"] },
  protocol: { rank: 3, may: ["model", "net"] },
  apply: { rank: 3, may: ["model", "fs", "state"] },
  actions: { rank: 3, may: ["model", "config", "os", "state"] },
  roots: { rank: 3, may: ["model", "report", "config", "reconcile", "fs", "state"] },
  listing: { rank: 3, may: ["model", "report", "config", "state"] },
  check: {
    rank: 4,
    may: ["model", "report", "config", "reconcile", "fs", "state", "actions", "roots"],
  },
  update: {
    rank: 5,
    may: ["model", "report", "config", "delta", "reconcile", "fs", "state", "protocol", "roots"],
  },
  serve: {
    rank: 5,
    may: [
      "model",
      "report",
      "config",
      "delta",
      "reconcile",
      "fs",
      "state",
      "protocol",
      "apply",
      "actions",
      "roots",
      "check",
    ],
  },
  compare: {
    rank: 5,
    may: ["model", "report", "config", "delta", "reconcile", "fs", "state", "protocol"],
  },
  cli: { rank: 8, may: ["*"] },
};

/** Capabilities and the files that may use them. */
const OWNERS: readonly { what: RegExp; owners: readonly string[] }[] = [
  { what: /\bDeno\.dlopen\b/, owners: ["src/os/libc.ts"] },
  { what: /["']node:tls["']/, owners: ["src/net/tls.ts"] },
  { what: /["']node:sqlite["']/, owners: ["src/state/sqlite.ts"] },
  { what: /\bDeno\.Command\b/, owners: ["src/actions/run.ts"] },
  // The binary may run /bin/sh only, and signals no process by the runtime's call.
  { what: /\bDeno\.kill\b/, owners: [] },
  { what: /\bDeno\.exit\b|\bDeno\.addSignalListener\b/, owners: ["main.ts"] },
  { what: /\bMath\.random\b/, owners: [] },
];

/** Comments and strings do not use anything; a regular expression is enough for our own code. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|(^|[^:])\/\/.*$/gm, "$1");
}

interface ModuleInfo {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

const root = new URL("..", import.meta.url);

async function graph(entry: string): Promise<readonly ModuleInfo[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--quiet", entry],
    cwd: root,
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

async function* sourceFiles(dir: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(dir)) {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), dir);
    if (entry.isDirectory) yield* sourceFiles(url);
    else if (entry.name.endsWith(".ts") && !url.pathname.includes("/kernel/assembly/")) yield url;
  }
}

const local = (specifier: string) =>
  specifier.startsWith(root.href) ? specifier.slice(root.href.length) : undefined;
const folderOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];

/** What is wrong with `from` importing `to`, both relative to the project; undefined when nothing is. */
function faultOf(from: string, to: string): string | undefined {
  const [a, b] = [folderOf(from), folderOf(to)];
  if (b === undefined) {
    return a !== undefined && !from.endsWith("_test.ts") ? `${from} imports ${to}` : undefined;
  }
  if (a === b) return undefined;
  if (a === undefined) {
    return from === "main.ts" && b !== "cli" ? `main.ts imports ${to}, not only cli` : undefined;
  }
  const rule = RANKS[a], other = RANKS[b];
  if (rule === undefined || other === undefined) return `${from} or ${to}: folder without a rank`;
  if (from.endsWith("_test.ts")) return undefined;
  if (!rule.may.includes("*") && !rule.may.includes(b)) {
    return `${from} (${a}, rank ${rule.rank}) imports ${to} (${b}, rank ${other.rank})`;
  }
  return /^src\/[^/]+\/mod\.ts$/.test(to) ? undefined : `${from} imports ${to} past its mod.ts`;
}

/** The first cycle among files, as a text; types count. */
function cycleIn(edges: ReadonlyMap<string, readonly string[]>): string | undefined {
  const state = new Map<string, "open" | "done">();
  const visit = (file: string, path: readonly string[]): string | undefined => {
    if (state.get(file) === "done") return undefined;
    if (state.get(file) === "open") {
      return [...path.slice(path.indexOf(file)), file].join(" -> ");
    }
    state.set(file, "open");
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    state.set(file, "done");
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

async function main(): Promise<number> {
  const faults: string[] = [];
  const edges = new Map<string, string[]>();
  const entries = ["main.ts"];
  const files: string[] = [];
  for await (const url of sourceFiles(new URL("src/", root))) files.push(local(url.href)!);
  // Workers and files that only tests use are not in the graph of main.ts: every file is an entry.
  for (const file of files) if (!file.endsWith("_test.ts")) entries.push(file);

  const listing = entries.map((file) => `import "${new URL(file, root).href}";`).join("\n");
  const all = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(all, listing);
    for (const module of await graph(all)) {
      const from = local(module.specifier);
      if (from === undefined || !/^(src\/|main\.ts)/.test(from)) continue;
      const targets = (module.dependencies ?? [])
        .map((d) => d.code?.specifier ?? d.type?.specifier)
        .map((s) => s === undefined ? undefined : local(s))
        .filter((s): s is string => s !== undefined);
      edges.set(from, targets);
      for (const to of targets) {
        const fault = faultOf(from, to);
        if (fault !== undefined) faults.push(fault);
      }
    }
  } finally {
    await Deno.remove(all);
  }
  const cycle = cycleIn(edges);
  if (cycle !== undefined) faults.push(`cycle: ${cycle}`);

  for (const file of ["main.ts", ...files]) {
    if (file.endsWith("_test.ts")) continue;
    const source = withoutComments(await Deno.readTextFile(new URL(file, root)));
    for (const { what, owners } of OWNERS) {
      const found = what.exec(source)?.[0];
      if (found !== undefined && !owners.includes(file)) {
        faults.push(`${file} uses ${found}, which belongs to ${owners.join(", ") || "nobody"}`);
      }
    }
  }
  for (const fault of faults.sort()) console.error(fault);
  console.log(`layers: ${files.length} files, ${edges.size} in the graph, ${faults.length} faults`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
