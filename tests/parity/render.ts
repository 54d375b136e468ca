/** The ledger as a page: nothing in it that is different in the next run. */
import type { Ledger, LedgerRow } from "./ledger.ts";
import type { Kind } from "./row.ts";

const TITLES: Readonly<Record<Kind, string>> = {
  option: "Options",
  mode: "Modes",
  "exit code": "Exit codes",
  keyword: "Words of the configuration language",
  "database value": "Values of -D and `database`",
  table: "Tables",
  message: "Messages",
  "wire command": "Commands on the wire",
  reply: "Replies on the wire",
  feature: "Features of the fork 2.1.1, and the companion script",
  defect: "Defects not to copy",
};

/** So many tests of a row are named; how many more there are is said. */
const NAMED_TESTS = 3;

export function render({ rows }: Ledger): string {
  const kinds = Object.keys(TITLES) as Kind[];
  const parts = kinds.map((kind) => part(kind, rows.filter(({ row }) => row.kind === kind)));
  return [
    "<!-- Made by `deno task parity` from docs/spec and the last test run: do not edit. -->",
    "",
    "# Parity with csync2 2.0 and 2.1.1",
    "",
    "One row for everything that the specifications (`docs/spec`; D configuration, command line,",
    "database; W wire protocol) name, with the tests that prove it. A row without a test, and a test",
    "that fails, fail `deno task parity --check`.",
    "",
    "| part | rows | pass | of these different on purpose | fail | open |",
    "| --- | --- | --- | --- | --- | --- |",
    ...kinds.map((kind) => summary(TITLES[kind], rows.filter(({ row }) => row.kind === kind))),
    summary("all", rows),
    "",
    ...parts,
  ].join("\n");
}

function summary(title: string, rows: readonly LedgerRow[]): string {
  const count = (is: (row: LedgerRow) => boolean) => rows.filter(is).length;
  return line([
    title,
    `${rows.length}`,
    `${count((r) => r.status === "pass")}`,
    `${count((r) => r.status === "pass" && r.differs !== undefined)}`,
    `${count((r) => r.status === "fail")}`,
    `${count((r) => r.status === "open")}`,
  ]);
}

function part(kind: Kind, rows: readonly LedgerRow[]): string {
  return [
    `## ${TITLES[kind]}`,
    "",
    "| what | where | proven by | |",
    "| --- | --- | --- | --- |",
    ...rows.map(rendered),
    "",
  ].join("\n");
}

const HAS_MARKS: ReadonlySet<Kind> = new Set(["exit code", "database value", "feature"]);

function rendered({ row, status, tests, differs }: LedgerRow): string {
  const text = HAS_MARKS.has(row.kind) ? cell(row.text) : code(row.text);
  const about = row.about === undefined || row.about === "" ? "" : `<br>${cell(row.about)}`;
  // What did not pass is always named.
  const named = [
    ...tests.filter(({ verdict }) => verdict !== "pass"),
    ...tests.filter(({ verdict }) => verdict === "pass"),
  ].slice(0, Math.max(NAMED_TESTS, tests.filter(({ verdict }) => verdict !== "pass").length));
  const names = named.map(({ file, name, verdict }) =>
    `${code(name)} ${file}${verdict === "pass" ? "" : ` **${verdict}**`}`
  );
  const more = tests.length - names.length;
  if (more > 0) names.push(`and ${more} more`);
  const why = differs === undefined ? [] : [`*differs: ${cell(differs)}*`];
  return line([text + about, row.source, [...why, ...names].join("<br>"), status.toUpperCase()]);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replace(/\s+/g, " ");
}

/** Text as code, whatever quotes are in it. */
function code(text: string): string {
  const marks = text.includes("`") ? "``" : "`";
  const pad = /^[ `]|[ `]$/.test(text) ? " " : "";
  return `${marks}${pad}${text.replaceAll("|", "\\|").replaceAll("\n", " ")}${pad}${marks}`;
}
