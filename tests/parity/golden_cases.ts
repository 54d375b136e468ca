/**
 * What the golden cases prove: which command lines they run, with which configuration, and what must come
 * out. The names are those of the tests in tests/golden; a name that no test has is reported by the ledger.
 */
import { DEVIATIONS } from "../golden/deviations.ts";
import { DIFFERENCES } from "../golden/differences.ts";
import { type EffectCase, load, type RunResult, type Step } from "../golden/steps.ts";
import { shownName, testKey } from "./results.ts";

export interface TestId {
  readonly file: string;
  readonly name: string;
}

/** One run of the program in a golden case. */
export interface GoldenRun {
  readonly test: TestId;
  readonly args: readonly string[];
  readonly host: string;
  /** Text of the configuration, all files together. */
  readonly config: string;
  /** What csync2 answered. */
  readonly recorded: RunResult;
  /** What we must answer; undefined when the test only holds that it is something else. */
  readonly expected: RunResult | undefined;
  /** Section that is the reason of a difference. */
  readonly why?: string;
}

/** A table that a case compares, with rows in it. */
export interface GoldenTable {
  readonly test: TestId;
  readonly table: string;
}

export interface GoldenEvidence {
  readonly runs: readonly GoldenRun[];
  readonly tables: readonly GoldenTable[];
}

const STEPS = "tests/golden/steps_test.ts";
const CLI = "tests/golden/cli_test.ts";
const WHOLE = "tests/golden/whole_program_test.ts";
const NOTHING: RunResult = { rc: 0, stdout: "", stderr: "" };

export function goldenEvidence(): GoldenEvidence {
  const stepped = steppedCases();
  return {
    runs: [
      ...stepped.runs,
      ...cliRuns(),
      ...parseRuns(),
      ...effectRuns(),
      ...patternRuns(),
      ...ignoreRuns(),
    ],
    tables: stepped.tables,
  };
}

function id(file: string, name: string): TestId {
  return { file, name: shownName(name) };
}

function whyOf(name: string): string | undefined {
  return DIFFERENCES.find((d) => d.case === name)?.spec;
}

/** Our answer: the recording with what deviates. */
function deviating(deviation: string, recorded: RunResult): Partial<GoldenRun> {
  const ours = DEVIATIONS[deviation];
  if (ours === undefined) return { recorded, expected: recorded };
  const { rc = recorded.rc, stdout = recorded.stdout, stderr = recorded.stderr, why } = ours;
  return { recorded, expected: { rc, stdout, stderr }, why };
}

function steppedCases(): GoldenEvidence {
  const runs: GoldenRun[] = [];
  const tables: GoldenTable[] = [];
  for (const file of ["check-flows", "listing", "actions", "sync", "fork-2.1.1"]) {
    for (const { name, steps } of load<{ cases: { name: string; steps: Step[] }[] }>(file).cases) {
      const test = id(STEPS, `golden ${file}: ${name}`);
      let config = "";
      for (const [at, step] of steps.entries()) {
        if (step.op === "config") config += step.text as string;
        if (step.op === "expect_tables") {
          const ours = DEVIATIONS[`${file}/${name}#${at}`]?.rows;
          tables.push(...filledTables(test, ours ?? step.rows as Record<string, unknown[]>));
        }
        if (step.op !== "run" && step.op !== "server_start") continue;
        const run = { ...NOTHING, ...step } as unknown as RunResult & { host?: string };
        runs.push({
          test,
          args: step.args as string[],
          host: run.host ?? "a.demo",
          config,
          ...deviating(`${file}/${name}#${at}`, run),
        } as GoldenRun);
      }
    }
  }
  return { runs, tables };
}

function filledTables(test: TestId, tables: Record<string, unknown[]>): GoldenTable[] {
  return Object.entries(tables).filter(([, rows]) => rows.length > 0)
    .map(([table]) => ({ test, table }));
}

interface CliCase extends RunResult {
  readonly args: string[];
  readonly host?: string;
  readonly config?: string;
  readonly stderr_without_sql?: string[];
  readonly file?: unknown;
  readonly D?: string | null;
  readonly config_name?: string | null;
  readonly database_statement?: string | null;
}

function cliRuns(): GoldenRun[] {
  const cli = load<Record<string, CliCase[]>>("cli");
  const run = (c: CliCase, name: string, deviation: string): GoldenRun => ({
    test: id(CLI, name),
    args: c.args,
    host: c.host ?? "a.demo",
    config: c.config ?? "",
    ...deviating(deviation, {
      rc: c.rc,
      stdout: c.stdout ?? "",
      stderr: c.stderr ?? c.stderr_without_sql?.join("\n") ?? "",
    }),
  } as GoldenRun);
  const words = (c: CliCase) => c.args.join(" ");
  return [
    ...cli.modes!.map((c) => {
      const name = `cli/modes ${words(c)}${c.host ? ` on ${c.host}` : ""}`;
      return run(c, `golden ${name}`, name);
    }),
    ...cli.key_files!.map((c, at) =>
      run(c, `golden cli/key_files ${at}: ${words(c)}`, `cli/key_files#${at}`)
    ),
    ...cli.lock_file!.map((c, at) => run(c, `golden cli/lock_file ${at}`, `cli/lock_file#${at}`)),
    ...cli.dump_directories!.map((c, at) => run(c, `golden cli/dump_directories ${at}`, "")),
    ...cli.verbosity!.map((c) => {
      const name = `cli/verbosity ${c.args[0]}`;
      return run(c, `golden ${name}`, name);
    }),
    ...cli.time_stamps!.map((c) =>
      run(
        { ...c, stdout: (c.file as string | null) ?? "" },
        `golden cli/time_stamps ${words(c)}`,
        "",
      )
    ),
    ...cli.database_argument!.map((c, at) => databaseRun(c, at, run)),
  ];
}

/** `-D` and `database` are tried with `-M -vv`. */
function databaseRun(
  c: CliCase,
  at: number,
  run: (c: CliCase, name: string, deviation: string) => GoldenRun,
): GoldenRun {
  const named = typeof c.config_name === "string" ? ["-C", c.config_name] : [];
  const option = typeof c.D === "string" ? ["-D", c.D] : [];
  const config = typeof c.database_statement === "string"
    ? `database "${c.database_statement}";`
    : "";
  const name = `golden cli/database_argument ${at}: ${c.D ?? c.database_statement}`;
  return run(
    { ...c, args: [...option, ...named, "-M", "-vv"], config },
    name,
    `cli/database_argument#${at}`,
  );
}

interface ConfigCase extends RunResult {
  readonly name: string;
  readonly config: string;
  readonly files?: Record<string, string>;
  readonly args: string[];
  readonly host?: string;
  readonly prefix_lines?: string[];
}

/** A case that differs has no expected answer here: its test holds only that it is another one. */
function parseRuns(): GoldenRun[] {
  return load<{ cases: ConfigCase[] }>("config-parse").cases.map((c) => {
    const why = whyOf(`config-parse/${c.name}`);
    const stderr = [c.stderr, ...(c.prefix_lines ?? [])].join("\n");
    const recorded = { rc: c.rc, stdout: c.stdout, stderr };
    return {
      test: id(WHOLE, `golden config-parse/${c.name}`),
      args: c.args,
      host: c.host ?? "a.demo",
      config: [c.config, ...Object.values(c.files ?? {})].join("\n"),
      recorded,
      expected: why === undefined ? recorded : undefined,
      ...(why !== undefined && { why }),
    };
  });
}

function effectRuns(): GoldenRun[] {
  return load<{ cases: EffectCase[] }>("config-effects").cases.flatMap((c) => {
    const why = whyOf(`config-effects/${c.name}`);
    const run = (args: string[], recorded: RunResult): GoldenRun => ({
      test: id(WHOLE, `golden config-effects/${c.name}`),
      args: [...c.extra_args, ...args],
      host: c.host,
      config: c.config,
      recorded,
      expected: why === undefined ? recorded : undefined,
      ...(why !== undefined && { why }),
    });
    const stdout = c.dirty.map((row) => row.join("\t") + "\n").join("");
    return [
      run(["-m", c.mark], { rc: c.mark_rc, stdout: "", stderr: c.mark_stderr }),
      run(["-M"], { rc: c.dirty_rc, stdout, stderr: "" }),
    ];
  });
}

function patternRuns(): GoldenRun[] {
  interface PatternCase {
    readonly patterns: string;
    readonly config: string;
    readonly args: string[];
    readonly rc?: number;
  }
  const patterns = load<Record<string, PatternCase[]>>("patterns");
  const run = (c: PatternCase, name: string, config: string): GoldenRun => {
    const recorded = { ...NOTHING, rc: c.rc ?? 0 };
    const test = id(WHOLE, name);
    const why = whyOf(name.replace(/^golden /, ""));
    const expected = why === undefined ? recorded : undefined;
    return {
      test,
      args: c.args,
      host: "a.demo",
      config,
      recorded,
      expected,
      ...(why !== undefined && { why }),
    };
  };
  const kinds = ["recursive", "direct"].flatMap((kind) =>
    patterns[kind]!.map((c) =>
      run(c, `golden patterns/${kind} ${c.patterns} ${c.args.join(" ")}`, c.patterns)
    )
  );
  return [
    ...kinds,
    ...patterns.compare_mode!.map((c, at) => {
      const body = /include[^}]*/.exec(c.config)?.[0] ?? "";
      const name = `golden patterns/compare_mode ${at}: ${c.args.join(" ")} ${body.trim()}`;
      return run(c, name, c.config);
    }),
  ];
}

/** Check texts with `ignore`: what is compared is the output of `-L`. */
function ignoreRuns(): GoldenRun[] {
  return load<{ ignore: { ignore: string }[] }>("checktxt").ignore.map(({ ignore }) => ({
    test: id(WHOLE, `golden checktxt/ignore ${ignore}`),
    args: ["-L"],
    host: "a.demo",
    config: ignore === "" ? "" : `ignore ${ignore};`,
    recorded: NOTHING,
    expected: NOTHING,
  }));
}

/** What the recordings say of each test: command lines, configuration, and what must come out. */
export function recordings({ runs }: GoldenEvidence): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { test, args, config, expected } of runs) {
    const out = expected === undefined ? "" : `${expected.stdout}\n${expected.stderr}`;
    const text = `csync2 ${args.join(" ")}\n${config}\n${out}\n`;
    const key = testKey(test);
    texts.set(key, (texts.get(key) ?? "") + text);
  }
  return texts;
}
