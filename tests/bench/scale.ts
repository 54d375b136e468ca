/**
 * `deno task bench --scale [--files 1000000] [--peers 50] [--peer-files 2000] [--only million,peers]`
 *
 * A tree of a million empty files: init, check, push of all marks to an equal peer, `-T`; both ends must
 * stay below 300 MB. And one host that pushes to fifty peers, and must stay below that, too: the program
 * itself, fifty times in one process (many_servers.ts), so that memory says what a server costs and not what
 * a runtime does.
 */
import { columns, machine } from "./figures.ts";
import { Hosts } from "./hosts.ts";
import { listening, measure, type Measured, run, Watch } from "./process.ts";
import { makeTree } from "./tree.ts";
import { RUNTIME_FLAGS } from "../../scripts/compile.ts";

const CLIENT = "127.78.1.1", SERVER = "127.78.1.2";
const PORT = 30_976;
const MOST_MB = 300;

export interface ScaleOptions {
  readonly dir: string;
  /** The words that start ours. */
  readonly ours: readonly string[];
  readonly files: number;
  readonly peers: number;
  readonly peerFiles: number;
  readonly works: ReadonlySet<string>;
  readonly output: string;
}

interface ScaleFigure extends Measured {
  readonly work: string;
  readonly objects: number;
}

type Note = (work: string, objects: number, measured: Measured) => void;

/** A million files on both sides, equal, recorded and not marked. */
async function equalTrees({ dir, ours, files }: ScaleOptions, note: Note): Promise<Hosts> {
  const trees = { [CLIENT]: `${dir}/source`, [SERVER]: `${dir}/target` };
  makeTree(trees[CLIENT]!, files, { empty: true });
  await run("cp", "-aT", trees[CLIENT]!, trees[SERVER]!);
  const home = `${dir}/million`;
  const hosts = new Hosts({ words: () => ours, home, port: PORT, trees, plain: false });
  note("init (-cIr /)", files, await hosts.run(["-cIr", "/"]));
  await hosts.run(["-cIr", "/"], { host: SERVER });
  return hosts;
}

async function million(options: ScaleOptions, note: Note): Promise<void> {
  const { files } = options;
  const hosts = await equalTrees(options, note);
  note("check, nothing changed (-cr /)", files, await hosts.run(["-cr", "/"]));
  note("mark all (-mr)", files, await hosts.run(["-mr", hosts.options.trees[CLIENT]!]));
  note("push all marked to an equal peer (-u)", files, await hosts.withServers(["-u"]));
  note("-T in sync", files, await hosts.withServers(["-T"], { good: [2] }));
  for (const path of Object.values(hosts.options.trees)) Deno.removeSync(path, { recursive: true });
}

/** The names are addresses: nothing needs to resolve. */
function peerName(at: number): string {
  return `127.78.2.${at + 1}`;
}

async function manyPeers(options: ScaleOptions, note: Note): Promise<void> {
  const { dir, ours, peers, peerFiles } = options;
  const source = `${dir}/many/source`, client = "127.78.1.9";
  makeTree(source, peerFiles);
  const names = Array.from({ length: peers }, (_, at) => peerName(at));
  const trees = names.map((name) => [name, `${dir}/many/${name}`] as const);
  for (const [, path] of trees) Deno.mkdirSync(path);
  const hosts = new Hosts({
    words: () => ours,
    home: `${dir}/many/home`,
    port: PORT,
    trees: { [client]: source, ...Object.fromEntries(trees) },
    plain: false,
  });
  await hosts.run(["-cr", "/"]);
  const flags = ["-A", "--no-prompt", "--quiet", "--no-check", ...RUNTIME_FLAGS];
  const script = import.meta.resolve("./many_servers.ts");
  const servers = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, script, hosts.options.home, `${PORT}`, ...names],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (const name of names) await listening(name, PORT);
    using watch = new Watch(servers.pid);
    const push = async (...args: string[]): Promise<Measured> =>
      await measure({ words: hosts.words(client, ["-u", ...args]), env: hosts.env(client) }, watch);
    const one = await push("-P", names[0]!);
    note("push all to one empty peer (-u -P)", peerFiles, one);
    const rest = await push();
    const server = {
      ...rest.server!,
      cpuSeconds: rest.server!.cpuSeconds - one.server!.cpuSeconds,
    };
    note(`push all to ${peers - 1} empty peers (-u)`, peerFiles * (peers - 1), { ...rest, server });
  } finally {
    servers.kill("SIGTERM");
    await servers.status;
  }
}

/** Of the large tree at both ends; with many peers at once their servers are one process, which no host has. */
function memoryVerdict({ work, client, server }: ScaleFigure): string {
  const most = work.endsWith("peers (-u)")
    ? client.peakMb
    : Math.max(client.peakMb, server?.peakMb ?? 0);
  return most < MOST_MB ? "ok" : `MISSED: over ${MOST_MB} MB`;
}

export async function benchScale(options: ScaleOptions): Promise<void> {
  const figures: ScaleFigure[] = [];
  const note: Note = (work, objects, measured) => {
    figures.push({ work, objects, ...measured });
    console.error(`  ${work.padEnd(40)} ${measured.seconds.toFixed(1)} s`);
  };
  if (options.works.has("million")) await million(options, note);
  if (options.works.has("peers")) await manyPeers(options, note);
  const show = (n: number | undefined, digits: number) => n === undefined ? "-" : n.toFixed(digits);
  console.log(columns([
    ["work", "objects", "seconds", "us each", "cpu s", "server", "MB", "server", ""],
    ...figures.map((figure) => [
      figure.work,
      `${figure.objects}`,
      figure.seconds.toFixed(1),
      (figure.seconds * 1e6 / figure.objects).toFixed(1),
      figure.client.cpuSeconds.toFixed(1),
      show(figure.server?.cpuSeconds, 1),
      figure.client.peakMb.toFixed(0),
      show(figure.server?.peakMb, 0),
      memoryVerdict(figure),
    ]),
  ], 1));
  Deno.mkdirSync(options.output.replace(/\/[^/]*$/, ""), { recursive: true });
  const report = { at: new Date().toISOString(), machine: machine(), figures };
  Deno.writeTextFileSync(options.output, `${JSON.stringify(report, undefined, 1)}\n`);
}
