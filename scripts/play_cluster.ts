/**
 * `deno task sync [DIR] [--once]`: three nodes on this machine, synchronised before your eyes.
 *
 * Makes (once) a cluster under .cluster/ with configuration, group key and certificates, puts DIR (or
 * a generated tree) into node 1, starts the three servers, sends, compares, shows an edit and a
 * conflict. Needs no root, no name service and nothing outside the project's folder.
 */
import { makeSampleTree } from "./sample_tree.ts";

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
const home = `${root}.cluster`;
const PORT = "30965";
/** Addresses serve as names, so that nothing has to be resolved. */
const NODES = ["127.77.0.1", "127.77.0.2", "127.77.0.3"] as const;
const MAIN = [Deno.execPath(), "run", "-A", "--no-prompt", "--quiet", `${root}main.ts`];

const dirOf = (node: string) => `${home}/node${NODES.indexOf(node as never) + 1}`;
const treeOf = (node: string) => `${dirOf(node)}/tree`;
const title = (node: string) => `node ${NODES.indexOf(node as never) + 1}`;

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(node: string, args: readonly string[], piped: boolean): Deno.Command {
  const own = ["-N", node, "-D", `${dirOf(node)}/db`, "-p", PORT];
  return new Deno.Command(MAIN[0]!, {
    args: [...MAIN.slice(1), ...own, ...args],
    env: { CSYNC2_SYSTEM_DIR: `${dirOf(node)}/etc` },
    stdin: "null",
    stdout: piped ? "piped" : "null",
    stderr: piped ? "piped" : "inherit",
  });
}

async function csync2(node: string, ...args: string[]): Promise<Ran> {
  const { code, stdout, stderr } = await command(node, args, true).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** As `csync2`, but failing is not expected here. */
async function must(node: string, ...args: string[]): Promise<Ran> {
  const ran = await csync2(node, ...args);
  if (ran.code === 1) {
    throw new Error(`csync2 ${args.join(" ")} on ${title(node)} failed:\n${ran.stderr}`);
  }
  return ran;
}

function configText(): string {
  return `# Made by "deno task sync". All nodes have the same file, as in a real cluster.
group playground
{
  host ${NODES.join(" ")};
  key group.key;
  include %tree%;
  exclude *~ .*.swp;
}

prefix tree
{
${NODES.map((node) => `  on ${node}: ${treeOf(node)};`).join("\n")}
}
`;
}

async function makeCluster(): Promise<void> {
  for (const node of NODES) {
    for (const part of ["etc", "db", "tree"]) {
      Deno.mkdirSync(`${dirOf(node)}/${part}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${dirOf(node)}/etc/csync2.cfg`, configText());
  }
  const key = `${dirOf(NODES[0])}/etc/group.key`;
  if (!exists(key)) await run([...MAIN, "-k", key]);
  for (const node of NODES) {
    if (node !== NODES[0]) Deno.copyFileSync(key, `${dirOf(node)}/etc/group.key`);
    if (!exists(`${dirOf(node)}/etc/csync2_ssl_cert.pem`)) await must(node, "--make-cert");
  }
}

async function run(words: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(words[0]!, { args: words.slice(1) }).output();
  if (code !== 0) throw new Error(`${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function fillTree(source: string | undefined): Promise<void> {
  const tree = treeOf(NODES[0]);
  if (source !== undefined) {
    if (!exists(source)) throw new Error(`Cannot copy "${source}": there is no such directory`);
    await run(["cp", "-a", `${source}/.`, tree]);
  } else if (!exists(`${tree}/README`)) {
    makeSampleTree(tree);
  }
}

async function startServers(): Promise<Deno.ChildProcess[]> {
  const servers = NODES.map((node) => command(node, ["-ii"], false).spawn());
  for (const node of NODES) {
    for (let waited = 0;; waited += 50) {
      try {
        (await Deno.connect({ hostname: node, port: Number(PORT) })).close();
        break;
      } catch (error) {
        if (waited > 10_000) {
          throw new Error(`The server of ${title(node)} does not answer on ${node}:${PORT}`, {
            cause: error,
          });
        }
        await new Promise((r) => setTimeout(r, 50));
      }
    }
  }
  return servers;
}

interface PeerDone {
  readonly event: string;
  readonly peer: string;
  readonly files: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** What a push with `--json` says about each peer. */
function served(stdout: string): PeerDone[] {
  return stdout.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as PeerDone).filter((e) => e.event === "peer-done");
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => "  " + row.map((cell, at) => cell.padEnd(widths[at]!)).join("  "))
    .join("\n");
}

async function sendAndShow(from: string): Promise<void> {
  const { stdout } = await must(from, "--json", "-x");
  const rows = served(stdout).map((e) => [
    `${title(from)} -> ${title(e.peer)}`,
    `${e.files}`,
    `${(e.bytes / 1e6).toFixed(2)} MB`,
    `${(e.milliseconds / 1_000).toFixed(2)} s`,
  ]);
  console.log(table([["", "files", "content sent", "time"], ...rows]));
}

async function compareAndShow(): Promise<void> {
  for (const node of NODES) {
    const { code, stdout, stderr } = await csync2(node, "-T");
    const answer = code === 2 ? "in sync with both peers" : `${stdout}${stderr}`.trim();
    console.log(`  csync2 -T on ${title(node)}: ${answer}`);
    if (code !== 2) throw new Error("The nodes are not in sync");
  }
}

function say(text: string): void {
  console.log(`\n${text}`);
}

async function showEdit(): Promise<void> {
  say(`One edit on node 2 (${treeOf(NODES[1])}/edited-on-node-2.txt), then "csync2 -x" there:`);
  Deno.writeTextFileSync(`${treeOf(NODES[1])}/edited-on-node-2.txt`, `${new Date()}\n`);
  await sendAndShow(NODES[1]);
}

async function showConflict(): Promise<void> {
  const [one, , three] = NODES;
  const file = "conflict.txt";
  say(`A conflict: ${file} is changed on node 1 and on node 3. "csync2 -x" on node 1 says:`);
  for (const node of [one, three]) {
    Deno.writeTextFileSync(`${treeOf(node)}/${file}`, `${title(node)} at ${new Date()}\n`);
    await must(node, "-cr", treeOf(node));
  }
  const refused = await csync2(one, "-x");
  console.log(refused.stderr.trimEnd().replace(/^/gm, "  "));
  if (refused.code !== 1) throw new Error("A conflict was expected, and there was none");
  say(`Node 1 shall win: "csync2 -f ${treeOf(one)}/${file}", then "csync2 -u":`);
  await must(one, "-f", `${treeOf(one)}/${file}`);
  const { stderr } = await must(one, "-u");
  if (stderr !== "") console.log(stderr.trimEnd());
  const [ours, theirs] = [one, three].map((n) => Deno.readTextFileSync(`${treeOf(n)}/${file}`));
  console.log(`  ${file} on node 3 is now: ${theirs!.trimEnd()}`);
  if (ours !== theirs) throw new Error("The conflict was not resolved");
}

function howToPlay(): void {
  // What npx puts there for this command alone is no use in the next one.
  const dirs = (Deno.env.get("PATH") ?? "").split(":").filter((dir) => !/node_modules/.test(dir));
  const isOnPath = dirs.some((dir) => exists(`${dir}/deno`));
  const deno = isOnPath ? "deno" : Deno.execPath();
  const own = (node: string) =>
    `CSYNC2_SYSTEM_DIR=${dirOf(node)}/etc ${deno} run -A ${root}main.ts -N ${node} -D ${
      dirOf(node)
    }/db -p ${PORT}`;
  say("The trees:");
  for (const node of NODES) console.log(`  ${title(node)}: ${treeOf(node)}`);
  say(`Change something in one of them, then send it, for example from node 1:
  ${own(NODES[0])} -xv
Compare with the peers:
  ${own(NODES[0])} -T`);
}

async function play(source: string | undefined): Promise<void> {
  say(`Cluster of three nodes in ${home}: ${NODES.join(", ")}, port ${PORT}, TLS`);
  const { stdout } = await must(NODES[0], "--json", "-cr", "/");
  const marked = stdout.split("\n").filter((l) => l.includes('"file-marked"')).length;
  say(
    `Node 1 holds ${source ?? "a generated tree"}; "csync2 -cr /" marked ${marked} names. ` +
      '"csync2 -x" sends them:',
  );
  await sendAndShow(NODES[0]);
  say("Compared by records and by content:");
  await compareAndShow();
  for (const node of NODES.slice(1)) {
    await run(["diff", "-r", "--no-dereference", treeOf(NODES[0]), treeOf(node)]);
    console.log(`  diff -r node 1, ${title(node)}: no difference`);
  }
  await showEdit();
  await showConflict();
  say("At the end:");
  await compareAndShow();
  howToPlay();
}

async function main(): Promise<number> {
  const source = Deno.args.find((a) => !a.startsWith("-"));
  const stays = !Deno.args.includes("--once") && Deno.stdin.isTerminal() &&
    Deno.stdout.isTerminal();
  const stop = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGINT", stop.resolve);
  Deno.addSignalListener("SIGTERM", stop.resolve);
  await makeCluster();
  await fillTree(source);
  const servers = await startServers();
  let code = 0;
  try {
    await Promise.race([play(source), stop.promise]);
    if (stays) {
      say("The servers keep running; Ctrl-C ends them.");
      await stop.promise;
    }
  } catch (error) {
    console.error((error as Error).message);
    code = 1;
  } finally {
    for (const server of servers) {
      try {
        server.kill("SIGTERM");
      } catch { /* it has ended */ }
    }
    await Promise.all(servers.map((server) => server.status));
  }
  return code;
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
