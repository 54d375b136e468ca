/** What was measured, held against what issue 4 asks for: a table to read and the same as JSON. */
import type { Measured, Usage } from "./process.ts";

/** A work by the name that `--only` takes, and what is measured. */
export const WORKS = {
  start: "start-up (--version)",
  init: "init (-cIr /)",
  check: "check, nothing changed (-cr /)",
  fresh: "check, all new (-cr /)",
  new: "push all to an empty peer (-u)",
  equal: "push all marked to an equal peer (-u)",
  changed: "-x with 1/128 changed",
  compare: "-T in sync",
  delta: "1 GiB file, 20 edits (-x)",
  peers: "three peers at once (-u)",
  delay: "10,000 new files, 20 ms round trip (-u)",
} as const;
export type Work = keyof typeof WORKS;

/** A target: ours is at most `most` times `of`. `one` is ours with one peer. */
interface Target {
  readonly work: Work;
  readonly of: string;
  readonly most: number;
}

const TARGETS: readonly Target[] = [
  { work: "new", of: "rsync", most: 1 },
  { work: "new", of: "csync2", most: 0.12 },
  { work: "equal", of: "csync2", most: 0.06 },
  { work: "equal", of: "rsync", most: 3 },
  { work: "check", of: "csync2", most: 0.3 },
  { work: "check", of: "find", most: 2 },
  { work: "init", of: "csync2", most: 0.35 },
  { work: "changed", of: "csync2", most: 0.4 },
  { work: "changed", of: "rsync", most: 1.5 },
  { work: "compare", of: "csync2", most: 0.7 },
  { work: "delta", of: "rsync", most: 1 },
  { work: "peers", of: "one", most: 1.5 },
  { work: "delay", of: "rsync", most: 1.2 },
];
const TARGET_MB = 200;

/** One figure as JSON has it. */
export interface Figure extends Measured {
  readonly work: Work;
  /** `ours`, `csync2`, `rsync`, `find`, `cp`, `rdiff`; `one`: ours with one peer. */
  readonly program: string;
  /** Taken from an earlier run. */
  readonly reused?: boolean;
}

export interface Verdict {
  readonly what: string;
  readonly ratio: number;
  readonly most: number;
  readonly ok: boolean;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
}

/** All of a run: what `dist/bench.json` holds. */
export interface Report {
  readonly at: string;
  readonly machine: Machine;
  readonly files: number;
  readonly bytes: number;
  readonly figures: Figure[];
  readonly verdicts?: readonly Verdict[];
}

export function machine(): Machine {
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    processor: /model name\s*: (.*)/.exec(text)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
  };
}

/**
 * The figures of other programs from an earlier report.
 * @throws Error when it is of another machine or another tree
 */
export function reusable(path: string, now: Report): Figure[] {
  const earlier = JSON.parse(Deno.readTextFileSync(path)) as Report;
  const same = (of: Report) => JSON.stringify([of.machine, of.files, of.bytes]);
  if (same(earlier) !== same(now)) {
    throw new Error(`Cannot reuse ${path}: ${same(earlier)} there, ${same(now)} here`);
  }
  const others = earlier.figures.filter(({ program }) => !["ours", "one"].includes(program));
  return others.map((figure) => ({ ...figure, reused: true }));
}

export function verdicts(figures: readonly Figure[]): Verdict[] {
  const find = (work: Work, program: string) =>
    figures.find((one) => one.work === work && one.program === program);
  const all: Verdict[] = [];
  for (const { work, of, most } of TARGETS) {
    const ours = find(work, "ours"), other = find(work, of);
    if (ours === undefined || other === undefined) continue;
    const ratio = ours.seconds / other.seconds;
    all.push({ what: `${WORKS[work]} / ${of}`, ratio, most, ok: ratio <= most });
  }
  const own = figures.filter(({ program }) => program === "ours");
  for (const end of ["client", "server"] as const) {
    const peak = Math.max(...own.map((figure) => figure[end]?.peakMb ?? 0));
    if (peak === 0 || own.length === 0) continue;
    all.push({
      what: `peak memory, ${end}, MB`,
      ratio: peak,
      most: TARGET_MB,
      ok: peak < TARGET_MB,
    });
  }
  return all;
}

const cpu = (usage: Usage | undefined) => usage === undefined ? "-" : usage.cpuSeconds.toFixed(2);
const peak = (usage: Usage | undefined) => usage === undefined ? "-" : usage.peakMb.toFixed(0);

/** Lines with columns as wide as they must be; the first `left` columns are text. */
export function columns(lines: readonly (readonly string[])[], left: number): string {
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) =>
    line.map((cell, at) => at < left ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))
      .join("  ").trimEnd()
  ).join("\n");
}

export function table({ figures, files }: Report): string {
  const lines = [
    ["work", "program", "seconds", "us/file", "cpu s", "server", "MB", "server", "ours is"],
  ];
  for (const work of Object.keys(WORKS) as Work[]) {
    const row = figures.filter((figure) => figure.work === work);
    const ours = row.find(({ program }) => program === "ours");
    for (const { program, seconds, client, server, reused } of row) {
      lines.push([
        WORKS[work],
        `${program}${reused ? " (earlier)" : ""}`,
        seconds.toFixed(seconds < 1 ? 3 : 2),
        work === "start" || work === "delta" || work === "delay"
          ? "-"
          : (seconds * 1e6 / files).toFixed(1),
        cpu(client),
        cpu(server),
        peak(client),
        peak(server),
        ours === undefined || program === "ours" ? "" : `${(ours.seconds / seconds).toFixed(2)} x`,
      ]);
    }
  }
  return columns(lines, 2);
}

export function verdictTable(all: readonly Verdict[]): string {
  return columns([
    ["target", "is", "at most", ""],
    ...all.map(({ what, ratio, most, ok }) => [
      what,
      ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0),
      `${most}`,
      ok ? "ok" : "MISSED",
    ]),
  ], 1);
}
