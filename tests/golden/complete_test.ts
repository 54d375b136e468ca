/**
 * Every recorded case is run: each has a test of its own name in the file that runs it, or it is one of
 * the rows of a test that goes through all of them, or it stands in the table with the reason why not.
 */
import assert from "node:assert/strict";
import { transcriptNames } from "../support/transcript.ts";
import { fromFileUrl } from "../support/program.ts";
import { load } from "./steps.ts";

const SRC = "../../src/";

/** What is recorded under one key of one file. */
interface Section {
  /** File that runs the cases, as seen from here. */
  readonly runner: string;
  /** The name of the test of one case; without it `all` goes through them. */
  readonly test?: (item: Item, at: number) => string;
  /** The test that goes through all cases. */
  readonly all?: string;
  /** Whether cases have a test together. */
  readonly isShared?: boolean;
}
// deno-lint-ignore no-explicit-any
type Item = any;

const words = (c: Item) => c.args.join(" ");
const stepped = (file: string): Section => ({
  runner: "./steps_test.ts",
  test: (c) => `golden ${file}: ${c.name}`,
});
const cli = (test: Section["test"]): Section => ({ runner: "./cli_test.ts", test: test! });
const pattern = (kind: string): Section => ({
  runner: "./whole_program_test.ts",
  test: (c) => `golden patterns/${kind} ${c.patterns} ${words(c)}`,
});
const DATABASE = "./database_test.ts";

/** `FILE/KEY` -> who runs it. */
const SECTIONS: Readonly<Record<string, Section>> = {
  "actions/cases": stepped("actions"),
  "check-flows/cases": stepped("check-flows"),
  "listing/cases": stepped("listing"),
  "sync/cases": stepped("sync"),
  "fork-2.1.1/cases": stepped("fork-2.1.1"),
  "fork-2.1.1/host_name_guess": {
    runner: "./host_name_guess_test.ts",
    test: (c) => `golden fork-2.1.1/host_name_guess: ${c.name}`,
  },
  "fork-2.1.1/full_log": {
    runner: "./full_log_test.ts",
    test: (c, at) => `golden fork-2.1.1/full_log#${at}: ${words(c)}`,
  },
  "fork-2.1.1/mixed_versions": {
    runner: "../interop/mixed_versions_test.ts",
    test: (c) => `golden fork-2.1.1/mixed_versions: ${c.name}: our server`,
  },
  "fork-2.1.1/upgrade": {
    runner: "../interop/mixed_versions_test.ts",
    all: "golden fork-2.1.1/upgrade: the first check on a database of 2.0 marks nothing",
  },
  "canonical-paths/cases": {
    runner: `${SRC}fs/canonical_test.ts`,
    all: "D 7.2.1 D 7.2.2 canonical() answers every golden case, or differs for a stated reason",
  },
  "checktxt/items": {
    runner: `${SRC}model/check_text_test.ts`,
    test: (c) => `golden checktxt: ${c.create.path}`,
  },
  "checktxt/below_prefix_p": {
    runner: "./whole_program_test.ts",
    all: "golden checktxt/below_prefix_p",
  },
  "checktxt/ignore": {
    runner: "./whole_program_test.ts",
    test: (c) => `golden checktxt/ignore ${c.ignore}`,
  },
  "checktxt/change_detection": cli((c) => `golden checktxt/change_detection: ${c.name}`),
  "cli/modes": cli((c) => `golden cli/modes ${words(c)}${c.host ? ` on ${c.host}` : ""}`),
  "cli/key_files": cli((c, at) => `golden cli/key_files ${at}: ${words(c)}`),
  "cli/lock_file": cli((_, at) => `golden cli/lock_file ${at}`),
  "cli/dump_directories": cli((_, at) => `golden cli/dump_directories ${at}`),
  "cli/verbosity": cli((c) => `golden cli/verbosity ${c.args[0]}`),
  "cli/time_stamps": cli((c) => `golden cli/time_stamps ${words(c)}`),
  "cli/database_argument": cli((c, at) =>
    `golden cli/database_argument ${at}: ${c.D ?? c.database_statement}`
  ),
  "config-effects/cases": {
    runner: "./whole_program_test.ts",
    test: (c) => `golden config-effects/${c.name}`,
  },
  "config-parse/cases": {
    runner: "./whole_program_test.ts",
    test: (c) => `golden config-parse/${c.name}`,
  },
  "config-parse/size_limits": {
    runner: `${SRC}config/golden_parse_test.ts`,
    all: "D 7.1.12 neither statements nor blocks nor words have a limit",
  },
  "fnmatch/cases": {
    runner: `${SRC}config/golden_patterns_test.ts`,
    test: (c) => `golden fnmatch: ${c.kind}`,
    isShared: true,
  },
  "patterns/recursive": pattern("recursive"),
  "patterns/direct": pattern("direct"),
  "patterns/compare_mode": {
    runner: "./whole_program_test.ts",
    test: (c, at) => {
      const body = /include[^}]*/.exec(c.config)?.[0] ?? "";
      return `golden patterns/compare_mode ${at}: ${words(c)} ${body.trim()}`;
    },
  },
  "urlencode/ascii": {
    runner: `${SRC}model/percent_test.ts`,
    all: "golden urlencode: every byte from 1 to 127",
  },
  "urlencode/strings": {
    runner: `${SRC}model/percent_test.ts`,
    test: (c) => `golden urlencode: ${JSON.stringify(c.text)}`,
  },
  "urlencode/decode": {
    runner: `${SRC}model/percent_test.ts`,
    // Four are what the C decoder gets wrong.
    test: (c) =>
      `${
        ["%%41", "%zz", "x%00y", "%4z"].includes(c.stored) ? "D 7.6.12" : "golden urlencode: decode"
      } ${c.stored}`,
  },
  "database/sqlite": {
    runner: DATABASE,
    all: "golden database/sqlite: schema, pragmas and rows as the program makes them",
  },
  "database/locked_database": {
    runner: DATABASE,
    test: (c, at) => `golden database/locked_database ${at}: lock-timeout ${c.lock_timeout}`,
  },
  "database/errors": {
    runner: DATABASE,
    test: (c, at) => `golden database/errors ${at}: ${c.what} ${c.args?.join(" ") ?? ""}`,
  },
  "database/x509_cert": {
    runner: DATABASE,
    all: "golden database/x509_cert: the pin is the peer's certificate, and another one is refused",
  },
};

/** What no test runs, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "canonical-paths/tree": "what the cases run on",
  "patterns/tree": "what the cases run on",
  "fnmatch/kinds": "explains the cases",
  "database/transactions": "how the C program groups its statements, which are not ours (D 7.6.11)",
  "database/pgsql": "tests/contract/servers_test.ts, which needs a server of PostgreSQL",
  "database/mysql": "tests/contract/servers_test.ts, which needs a server of MySQL or MariaDB",
};

/** Parts of a section that its test does not look at. */
const PARTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "database/sqlite": {
    action_row_while_its_command_runs: "src/state/sqlite_test.ts, where the row can be looked at",
    after_inserting_each_row_twice:
      "src/state/sqlite_test.ts, on the schema that the program makes",
  },
};

const here = fromFileUrl(new URL(".", import.meta.url));
const FILES = [...Deno.readDirSync(here)].filter(({ name }) => name.endsWith(".json"))
  .map(({ name }) => name.slice(0, -".json".length)).sort();

/** The real program has no runner for the cases of the fork. */
const ignore = Deno.env.get("CSYNC2_PROGRAM") !== undefined;

/** The tests that a file registers, in order: it is loaded with somebody else to register with. */
async function testsOf(runner: string): Promise<string[]> {
  const names: string[] = [];
  const register = Deno.test;
  const collect = (first: string | { name: string }) =>
    void names.push(typeof first === "string" ? first : first.name);
  Object.defineProperty(Deno, "test", {
    value: Object.assign(collect, { ignore: collect, only: collect }),
    configurable: true,
    writable: true,
  });
  try {
    await import(`${runner}?registered`);
  } finally {
    Object.defineProperty(Deno, "test", { value: register, configurable: true, writable: true });
  }
  return names;
}

/** The sections of a file, and their cases; one that is no list is one case. */
function sectionsOf(file: string): [string, Item[]][] {
  return Object.entries(load<Record<string, unknown>>(file)).filter(([key]) => key !== "fields")
    .map(([key, value]) => [`${file}/${key}`, Array.isArray(value) ? value : [value]]);
}

Deno.test("golden: every section of every file has who runs it, or the reason why nobody does", () => {
  const found = FILES.flatMap((file) => sectionsOf(file).map(([id]) => id)).sort();
  assert.deepEqual(found, [...Object.keys(SECTIONS), ...Object.keys(NOT_RUN)].sort());
});

Deno.test({ name: "golden: every case has a test of its name", ignore, fn: everyCase });

async function everyCase(): Promise<void> {
  const registered = new Map<string, string[]>();
  const missing: string[] = [];
  let cases = 0;
  for (const file of FILES) {
    for (const [id, items] of sectionsOf(file)) {
      const section = SECTIONS[id];
      if (section === undefined) continue;
      const { runner, test, all, isShared = test === undefined } = section;
      if (!registered.has(runner)) registered.set(runner, await testsOf(runner));
      const left = [...registered.get(runner)!];
      for (const [at, item] of items.entries()) {
        const name = test?.(item, at) ?? all!;
        const found = left.indexOf(name);
        if (found < 0) missing.push(`${id} ${at}: ${runner} has no "${name}"`);
        else if (!isShared) left.splice(found, 1); // two cases of one name have two tests
        cases++;
      }
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(cases > 700, `${cases} cases`);
}

Deno.test("golden: every part of the recorded SQLite database is compared", async () => {
  const text = await Deno.readTextFile(`${here}database_test.ts`);
  const { sqlite } = load<{ sqlite: Record<string, unknown> }>("database");
  const elsewhere = PARTS["database/sqlite"]!;
  const unread = Object.keys(sqlite).filter((part) => !text.includes(`want.${part}`));
  assert.deepEqual(unread, Object.keys(elsewhere));
  const unit = await Deno.readTextFile(
    fromFileUrl(new URL(`${SRC}state/sqlite_test.ts`, import.meta.url)),
  );
  for (const part of unread) assert.ok(unit.includes(`GOLDEN.${part}`), part);
});

Deno.test("golden: every transcript is run from both ends", async () => {
  const names = await testsOf("./transcripts_test.ts");
  const recorded = [...Deno.readDirSync(`${here}transcripts`)].map(({ name }) => name)
    .filter((name) => name !== "INDEX.md").sort();
  assert.deepEqual([...transcriptNames()].sort(), recorded);
  for (const file of recorded) {
    const title = file.replace(/\.txt$/, "");
    for (const who of ["serveConnection() answers", "connectPeer() speaks"]) {
      assert.ok(names.includes(`${who} like ${title}`), `${who} like ${title}`);
    }
  }
});
