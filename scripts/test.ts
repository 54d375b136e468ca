/**
 * The whole test suite, group by group: `deno task test [--only GROUP,..] [-- deno test options]`.
 * `--full` (`deno task test:full`) sets CSYNC2_FULL=1: suites that take samples then run every case.
 *
 * Groups that need root, further programs or host names say what they need. Where that is missing they
 * are left out with a loud line, and in CI (CI=true) that is a failure. The last line is
 * `N passed, N failed`. A group that is run whole leaves its results in RESULTS_DIR.
 */
import { RESULTS_DIR } from "../tests/parity/results.ts";
import { type Group, GROUPS } from "./test_groups.ts";

/** Names in golden recordings and interop tests; all on loopback. */
const HOSTS = `127.2.2.1 a.demo
127.2.2.2 b.demo
127.2.2.3 c.demo
127.2.2.4 d.demo
`;

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
const isCi = Deno.env.get("CI") === "true";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function isInstalled(program: string): boolean {
  const dirs = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":");
  return dirs.some((dir) => exists(`${dir}/${program}`));
}

/** What a group lacks here, as text with the remedy; undefined when it can run. */
function missing(group: Group): string | undefined {
  if (group.needsRoot && Deno.uid() !== 0) return "it needs root: owners and devices are tested";
  const absent = (group.programs ?? []).filter((p) => !isInstalled(p));
  if (absent.length > 0) {
    return `not installed: ${absent.join(", ")} (apt-get install ${absent.join(" ")})`;
  }
  return undefined;
}

/** Words that run `words` with HOSTS in /etc/hosts: in a mount namespace of its own, so that nothing stays. */
function withHosts(words: readonly string[], hostsFile: string): string[] {
  const known = Deno.readTextFileSync("/etc/hosts");
  if (HOSTS.trim().split("\n").every((line) => known.includes(line))) return [...words];
  Deno.writeTextFileSync(hostsFile, known + "\n" + HOSTS);
  return [
    "unshare",
    "--mount",
    "sh",
    "-c",
    `mount --bind "$0" /etc/hosts && exec "$@"`,
    hostsFile,
    ...words,
  ];
}

interface Counts {
  passed: number;
  failed: number;
}

/** Where the results of a group go; those of before are removed, so that nothing stale is read as new. */
function freshResults(group: Group): string {
  const path = `${RESULTS_DIR}/${group.name}.xml`;
  Deno.mkdirSync(RESULTS_DIR, { recursive: true });
  if (exists(path)) Deno.removeSync(path);
  return path;
}

/** Runs one group with its output shown, and reads the counts from the closing line. */
async function run(
  group: Group,
  { extra, hostsFile, isFull }: { extra: readonly string[]; hostsFile: string; isFull: boolean },
): Promise<Counts> {
  const paths = group.paths.filter((p) => exists(`${root}${p}`));
  const words = [
    Deno.execPath(),
    "test",
    "-A",
    "--no-prompt",
    ...(group.parallel ? ["--parallel"] : []),
    // A part of a group proves nothing about the rest: it leaves no results.
    ...(extra.length === 0 ? ["--junit-path", freshResults(group)] : []),
    ...extra,
    ...paths,
  ];
  const [program, ...args] = group.needsHosts ? withHosts(words, hostsFile) : words;
  const child = new Deno.Command(program!, {
    args,
    cwd: root,
    env: { NO_COLOR: "1", ...(isFull ? { CSYNC2_FULL: "1" } : {}) },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4_000);
  }
  const { success } = await child.status;
  const closing = /(\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/.exec(tail);
  if (closing === null) return { passed: 0, failed: 1 };
  const failed = Number(closing[2]);
  return { passed: Number(closing[1]), failed: success ? failed : Math.max(failed, 1) };
}

/** The groups of `--only`, all without. @throws when the words mean something else, as running all tests takes long */
function chosen(words: readonly string[]): readonly string[] | undefined {
  if (words.length === 0) return undefined;
  const [option, list, ...more] = words;
  const names = list?.split(",") ?? [];
  const all = GROUPS.map(({ name }) => name);
  if (
    option === "--only" && names.length > 0 && more.length === 0 &&
    names.every((name) => all.includes(name))
  ) return names;
  const strange = names.find((name) => !all.includes(name));
  const reason = strange === undefined || option !== "--only" ? "" : `unknown group "${strange}"\n`;
  throw new Error(
    `${reason}usage: deno task test [--full] [--only GROUP,..] [-- options of deno test]\ngroups: ${
      all.join(", ")
    }`,
  );
}

async function main(): Promise<number> {
  const dash = Deno.args.indexOf("--");
  const words = dash < 0 ? Deno.args : Deno.args.slice(0, dash);
  const isFull = words[0] === "--full";
  const own = isFull ? words.slice(1) : words;
  const extra = dash < 0 ? [] : Deno.args.slice(dash + 1);
  const only = chosen(own);
  const total = { passed: 0, failed: 0 };
  const notes: string[] = [];
  const hostsFile = await Deno.makeTempFile({ prefix: "csync2-hosts-" });
  for (const group of GROUPS) {
    if (only === undefined ? group.onDemand : !only.includes(group.name)) continue;
    const lack = missing(group);
    if (lack !== undefined) {
      freshResults(group);
      notes.push(`LEFT OUT: group ${group.name}: ${lack}`);
      if (isCi) total.failed++;
      continue;
    }
    const started = performance.now();
    const counts = await run(group, { extra, hostsFile, isFull });
    total.passed += counts.passed;
    total.failed += counts.failed;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    notes.push(
      `${group.name.padEnd(10)} ${counts.passed} passed, ${counts.failed} failed, ${seconds} s`,
    );
  }
  await Deno.remove(hostsFile);
  console.log(notes.join("\n"));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(2);
}
