/**
 * The matrix of mixed clusters: a scenario is data, played on every combination of our program and
 * Debian's csync2 with at least one of ours, and on C programs alone, whose end is the reference.
 *
 * Scenarios of a batch share one cluster: each has a directory and a group of its own, and what they
 * have to run at the same point is one run. Each is judged by itself.
 */
import assert from "node:assert/strict";
import { Cluster, type ClusterOptions, type Kind, type Ran, type Security } from "./cluster.ts";
import { contentAt, listings, observe, type Observed, readable } from "./observed.ts";

/** Kinds of the hosts in order, from `a`. */
export type Kinds = readonly Kind[];
type ByKinds<T> = T | ((kinds: Kinds) => T);

export interface Round {
  /** Shell commands in the scenario's directory, by host. `$OUT` is a directory of the host outside. */
  readonly change?: Readonly<Record<string, string>>;
  /** Hosts whose databases get to know their changes before the run. */
  readonly check?: string;
  /** Host and mode: `a -x`. With `a!` arguments come as they are; else the scenario's directory follows. */
  readonly run?: string;
  /** @default 0 */
  readonly rc?: ByKinds<number>;
  /** Standard output, with `$DIR` for the scenario's directory; lines in any order. */
  readonly out?: readonly string[];
  /** What is there after the run, as in an outcome. */
  readonly files?: Readonly<Record<string, string>>;
  /** The servers that run from here on; all without. */
  readonly servers?: string;
}

export interface Outcome {
  /** All trees are the same. @default true */
  readonly equal?: boolean;
  /** Marks that stay: `a b f` is for file `f`, held by `a` for `b`; `.` the directory. @default none */
  readonly marks?: readonly string[];
  /** `b:f` to content of a file, `-> target`, `/` for a directory, or "" for nothing there. */
  readonly files?: Readonly<Record<string, string>>;
  /** `b:log` to the content of a file in `$OUT`. */
  readonly out?: Readonly<Record<string, string>>;
  /** What our program may say on standard error about the scenario; all else is a surprise. */
  readonly says?: readonly RegExp[];
  /** What it must say when it is at `a`. */
  readonly mustSay?: readonly RegExp[];
}

export interface Scenario {
  readonly name: string;
  /** Patterns of its group. @default its directory */
  readonly include?: string;
  /** Lines of its group besides hosts, key and include. */
  readonly group?: readonly string[];
  /** @default all hosts in order */
  readonly hosts?: string;
  /** State on all hosts before, known to all databases; by host letter when they differ. */
  readonly before?: string | Readonly<Record<string, string>>;
  /** Is not recorded before. */
  readonly isUnknown?: boolean;
  readonly rounds: readonly Round[];
  readonly outcome?: ByKinds<Outcome>;
  /** Why this combination must end otherwise than C programs alone. */
  readonly differs?: (kinds: Kinds) => string | undefined;
  /** Why C programs alone cannot play it. */
  readonly noReference?: string;
}

export interface Batch {
  readonly name: string;
  readonly hosts: number;
  readonly scenarios: readonly Scenario[];
  /** Runs for all scenarios after their rounds, so that what can settle has settled. */
  readonly settle?: readonly string[];
  /** Every host is in sync at the end: `-T` says so, and nothing is marked. */
  readonly isClean?: boolean;
  /** Further configuration before the groups; `$DIR` is the directory of the first scenario. */
  readonly top?: readonly string[];
  /** Names and addresses besides the hosts', or in their place; gets the hosts' own. */
  readonly network?: (own: Readonly<Record<string, string>>) => Record<string, string>;
  /** Further options of the cluster. */
  readonly options?: Partial<ClusterOptions>;
  /** Combinations that can play it. @default all */
  readonly only?: (kinds: Kinds) => boolean;
  /** Servers at the beginning. @default all */
  readonly servers?: string;
}

export const isFull = Deno.env.get("CSYNC2_FULL") === "1";
const OLD = "1400000000";

/** All combinations of `hosts` programs with at least one of ours. */
export function combinations(hosts: number): Kinds[] {
  const all: Kinds[] = Array.from(
    { length: 2 ** hosts },
    (_, n) => Array.from({ length: hosts }, (_, i) => (n >> i) & 1 ? "c" : "ours"),
  );
  return all.filter((kinds) => kinds.includes("ours"));
}

const letters = (kinds: Kinds) => [..."abcd"].slice(0, kinds.length);
const fixed = <T>(value: ByKinds<T>, kinds: Kinds): T =>
  typeof value === "function" ? (value as (kinds: Kinds) => T)(kinds) : value;

/** Addresses that no other cluster of this process or another has at the same time. */
let nextNetwork = 0;
export function addresses(hosts: number): Record<string, string> {
  const [high, low] = [Deno.pid % 250 + 1, nextNetwork++ % 50];
  const names = [..."abcd"].slice(0, hosts);
  return Object.fromEntries(
    names.map((node, i) => [`${node}.demo`, `127.35.${high}.${low * 5 + i + 1}`]),
  );
}

/** One batch on one combination. */
class Play {
  readonly dirs: readonly string[];
  readonly nodes: readonly string[];
  /** What our program has said, line by line. */
  readonly said: string[] = [];
  /** Exit codes and outputs that were not as they should be. */
  readonly wrong: string[] = [];
  /** All runs with their output, for whoever has to find out why a scenario failed. */
  readonly history: string[] = [];
  readonly startSeconds = Math.floor(Date.now() / 1_000) - 1;

  constructor(
    readonly batch: Batch,
    readonly kinds: Kinds,
    readonly scenarios: readonly Scenario[],
    readonly cluster: Cluster,
  ) {
    this.nodes = letters(kinds);
    this.dirs = scenarios.map((_, i) => `s${`${i}`.padStart(3, "0")}`);
  }

  #each(visit: (scenario: Scenario, dir: string) => void): void {
    this.scenarios.forEach((scenario, i) => visit(scenario, this.dirs[i]!));
  }

  #change(node: string, dir: string, script: string): void {
    const out = `${this.cluster.base}/${node}/out/${dir}`;
    this.cluster.change(node, `OUT=${out}; DIR=${this.cluster.mount}/${dir}; cd ${dir}; ${script}`);
  }

  async #run(node: string, args: readonly string[]): Promise<Ran> {
    const ran = await this.cluster.run(node, ...args);
    this.history.push(`${node} ${args.join(" ").slice(0, 60)}: ${ran.rc}`);
    this.history.push(...`${ran.stdout}${ran.stderr}`.split("\n"));
    if (this.cluster.kind(node) === "ours") {
      this.said.push(...ran.stderr.split("\n").filter((line) => line !== ""));
    }
    return ran;
  }

  async begin(): Promise<void> {
    for (const node of this.nodes) {
      this.#each(({ before = "true" }, dir) => {
        Deno.mkdirSync(`${this.cluster.tree(node)}/${dir}`);
        Deno.mkdirSync(`${this.cluster.base}/${node}/out/${dir}`, { recursive: true });
        this.#change(node, dir, typeof before === "string" ? before : before[node] ?? "true");
      });
      this.cluster.change(node, `find . -exec touch -h -d @${OLD} {} +`);
      const known = this.dirs.filter((_, i) => {
        const { isUnknown = false, hosts = `${node}.demo` } = this.scenarios[i]!;
        return !isUnknown && hosts.includes(`${node}.demo`);
      });
      const { rc, stderr } = await this.cluster.run(node, "-cIr", ...known.map((d) => `@/${d}`));
      assert.deepEqual({ rc, stderr }, { rc: 0, stderr: "" }, `before, on ${node}`);
    }
    await this.#serve(this.batch.servers ?? this.nodes.join(""));
  }

  readonly #serving = new Set<string>();

  async #serve(wanted: string): Promise<void> {
    for (const node of this.#serving) {
      if (wanted.includes(node)) continue;
      await this.cluster.stop(node);
      this.#serving.delete(node);
    }
    for (const node of wanted) {
      if (!this.#serving.has(node)) await this.cluster.start(node);
      this.#serving.add(node);
    }
  }

  async play(): Promise<void> {
    const rounds = Math.max(...this.scenarios.map((s) => s.rounds.length));
    for (let n = 0; n < rounds; n++) await this.#round(n);
    for (const run of this.batch.settle ?? []) {
      const [node = "", ...args] = run.split(" ");
      await this.#run(node, args);
    }
  }

  async #round(n: number): Promise<void> {
    const checks = new Map<string, string[]>();
    const runs = new Map<string, { dirs: string[]; rounds: Round[] }>();
    let wanted: string | undefined;
    this.#each(({ rounds }, dir) => {
      const round = rounds[n];
      if (round === undefined) return;
      const { change = {}, check = "", run, servers } = round;
      if (servers !== undefined) wanted = servers;
      for (const [node, script] of Object.entries(change)) this.#change(node, dir, script);
      for (const node of check) checks.set(node, [...checks.get(node) ?? [], `@/${dir}`]);
      if (run === undefined) return;
      const joined = runs.get(run) ?? { dirs: [], rounds: [] };
      joined.dirs.push(dir);
      joined.rounds.push(round);
      runs.set(run, joined);
    });
    if (wanted !== undefined) await this.#serve(wanted);
    for (const [node, dirs] of checks) {
      assert.equal((await this.#run(node, ["-cr", ...dirs])).rc, 0, `check ${n} on ${node}`);
    }
    for (const [run, { dirs, rounds }] of runs) await this.#joined(run, dirs, rounds);
  }

  async #joined(run: string, dirs: readonly string[], rounds: readonly Round[]): Promise<void> {
    const [node = "", ...args] = run.replace("!", "").replaceAll("$DIR", `@/${dirs[0]}`).split(" ");
    // Without a path these modes mean everything, the others nothing.
    const isWhole = dirs.length === this.dirs.length && /^-\w*[xu]/.test(args[0]!);
    const isAll = isWhole || run.includes("!");
    const ran = await this.#run(node, isAll ? args : [...args, "-r", ...dirs.map((d) => `@/${d}`)]);
    const rc = Math.max(...rounds.map(({ rc = 0 }) => fixed(rc, this.kinds)));
    if (ran.rc !== rc) this.wrong.push(`${run} of ${dirs} ended with ${ran.rc} instead of ${rc}`);
    rounds.forEach((round, i) => this.#judgeRound(run, { ran, round, dir: dirs[i]! }));
  }

  #judgeRound(run: string, { ran, round, dir }: { ran: Ran; round: Round; dir: string }): void {
    const lines = ran.stdout.replaceAll(`${this.cluster.mount}/${dir}`, "$DIR").split("\n").slice(
      0,
      -1,
    );
    if (round.out !== undefined && `${[...round.out].sort()}` !== `${lines.sort()}`) {
      this.wrong.push(`${run} said ${lines.join("\n")}`);
    }
    for (const [where, content] of Object.entries(round.files ?? {})) {
      const found = this.contentAt(dir, where);
      if (found !== content) this.wrong.push(`after ${run}: ${where} is ${JSON.stringify(found)}`);
    }
  }

  /** Content of `b:path` in the directory of a scenario. */
  contentAt(dir: string, where: string): string {
    const [node = "", path] = where.split(":");
    const found = contentAt(`${this.cluster.tree(node)}/${dir}/${path}`);
    return found.replaceAll(this.cluster.base, "$BASE");
  }

  observe(): Map<string, Observed> {
    const { cluster, nodes, dirs } = this;
    const found = dirs.map((dir, i): [string, Observed] => [
      this.scenarios[i]!.name,
      observe(cluster, { nodes, dir, sinceSeconds: this.startSeconds }),
    ]);
    return new Map(found);
  }

  /** What must hold for the cluster as a whole. */
  async judgeCluster(): Promise<void> {
    const { cluster, nodes } = this;
    const before = listings(cluster, nodes);
    for (const node of nodes) await readable(cluster, node);
    for (const node of nodes) {
      const { rc, stdout, stderr } = await cluster.run(node, "-xv");
      if (!this.batch.isClean) continue;
      assert.deepEqual([rc, stdout], [0, ""], `again on ${node}: ${stderr}`);
      assert.doesNotMatch(stderr, /Connecting|Updating|Deleting|Marking/, `again on ${node}`);
      assert.equal((await cluster.run(node, "-M")).rc, 2, `nothing stays marked on ${node}`);
      const compared = await cluster.run(node, "-T");
      assert.deepEqual([compared.rc, compared.stdout, compared.stderr], [2, "", ""], `-T ${node}`);
    }
    assert.equal(listings(cluster, nodes), before, "a second run changes nothing");
    if (!this.batch.isClean) return;
    for (const node of nodes.filter((n) => cluster.kind(n) === "ours")) {
      assert.equal(cluster.serverSaid(node), "", `the server of ${node}`);
    }
  }

  judge(scenario: Scenario, seen: Observed, reference: Observed | undefined): void {
    const dir = this.dirs[this.scenarios.indexOf(scenario)]!;
    const outcome = fixed(scenario.outcome ?? {}, this.kinds);
    const { equal = true, marks = [], files = {}, out = {} } = outcome;
    const [first = "", ...others] = this.nodes;
    if (equal) { for (const node of others) assert.equal(seen.exact[node], seen.exact[first]); }
    assert.deepEqual(seen.marks, [...marks].sort(), "marks that stay");
    for (const [where, content] of Object.entries(files)) {
      assert.equal(this.contentAt(dir, where), content, where);
    }
    for (const [where, content] of Object.entries(out)) {
      assert.equal(seen.out.get(where) ?? "", content, where);
    }
    this.#judgeWords(dir, outcome);
    if (scenario.differs?.(this.kinds) !== undefined || reference === undefined) return;
    assert.deepEqual(seen.comparable, reference.comparable, "as C programs alone end");
  }

  /** The runs, with the lines that are about the scenario. */
  told(scenario: Scenario): string {
    const dir = this.dirs[this.scenarios.indexOf(scenario)]!;
    return this.history.filter((l) => /^[abcd] -/.test(l) || l.includes(`/${dir}`)).join("\n");
  }

  #judgeWords(dir: string, { says = [], mustSay = [] }: Outcome): void {
    const lines = this.said.filter((line) => line.includes(`/${dir}/`) || line.endsWith(`/${dir}`));
    const known = [...says, ...mustSay];
    const surprises = lines.filter((line) => !known.some((text) => text.test(line)));
    assert.deepEqual(surprises, [], "lines nobody expects");
    if (this.kinds[0] !== "ours") return;
    for (const text of mustSay) assert.ok(lines.some((line) => text.test(line)), `${text}`);
  }
}

interface ClusterPlan {
  readonly scenarios: readonly Scenario[];
  readonly kinds: Kinds;
  readonly security: Security;
}

function clusterFor(batch: Batch, { scenarios, kinds, security }: ClusterPlan): Cluster {
  const own = addresses(kinds.length);
  const nodes = letters(kinds);
  const all = nodes.map((n) => `${n}.demo`).join(" ");
  return new Cluster({
    nodes: Object.fromEntries(nodes.map((n, i) => [n, { kind: kinds[i]!, security }])),
    plain: security === "plain",
    network: batch.network?.(own) ?? own,
    logs: true,
    ...batch.options,
    config: (batch.top ?? []).map((l) => l.replaceAll("$DIR", "@/s000")).concat(
      scenarios.flatMap(({ hosts = all, group = [], include = "$DIR" }, i) => {
        const dir = `s${`${i}`.padStart(3, "0")}`;
        const lines = group.map((l) => l.replaceAll("$OUT", `$NODE/out/${dir}`));
        return [
          ...[
            `group ${dir}`,
            "{",
            `  host ${hosts};`,
            "  key demo.key;",
            `  include ${include.replaceAll("$DIR", `@/${dir}`)};`,
          ],
          ...lines.map((l) => l.replaceAll("$DIR", `@/${dir}`)),
          "}",
        ];
      }),
    ),
  });
}

const references = new Map<string, Promise<Map<string, Observed>>>();

/** How C programs alone end; over plain text, as the security does not change that. */
function referenceOf(batch: Batch, scenarios: readonly Scenario[]): Promise<Map<string, Observed>> {
  const playable = scenarios.filter(({ noReference }) => noReference === undefined);
  const key = `${batch.name} ${playable.map(({ name }) => name)}`;
  const known = references.get(key);
  if (known !== undefined) return known;
  const made = (async () => {
    if (playable.length === 0) return new Map<string, Observed>();
    const kinds: Kinds = Array.from({ length: batch.hosts }, () => "c");
    await using cluster = clusterFor(batch, { scenarios: playable, kinds, security: "plain" });
    const play = new Play(batch, kinds, playable, cluster);
    await play.begin();
    await play.play();
    return play.observe();
  })();
  references.set(key, made);
  return made;
}

/** Registers the batch as one test for the combination; with --full each scenario by itself as well. */
export function testBatch(batch: Batch, kinds: Kinds, security: Security = "plain"): void {
  if (batch.only?.(kinds) === false) return;
  const parts: (readonly [string, readonly Scenario[]])[] = [["all at once", batch.scenarios]];
  if (isFull && security === "plain" && batch.scenarios.length > 1) {
    for (const scenario of batch.scenarios) parts.push([scenario.name, [scenario]]);
  }
  for (const [part, scenarios] of parts) {
    Deno.test(`matrix ${kinds.join(" ")}, ${security}: ${batch.name}, ${part}`, async (t) => {
      const reference = await referenceOf(batch, scenarios);
      await using cluster = clusterFor(batch, { scenarios, kinds, security });
      const play = new Play(batch, kinds, scenarios, cluster);
      await play.begin();
      await play.play();
      const seen = play.observe();
      for (const scenario of scenarios) {
        const found = seen.get(scenario.name)!;
        const isGood = await t.step(scenario.name, () => {
          play.judge(scenario, found, reference.get(scenario.name));
        });
        if (!isGood) console.error(play.told(scenario));
      }
      await t.step("exit codes and outputs", () => assert.deepEqual(play.wrong, []));
      await t.step("the cluster as a whole", () => play.judgeCluster());
    });
  }
}
