/** What the ledger is about: one row for each thing that the specifications name. */
import type { Spec } from "./spec_text.ts";

export type Kind =
  | "option"
  | "mode"
  | "exit code"
  | "keyword"
  | "database value"
  | "table"
  | "message"
  | "wire command"
  | "reply"
  | "feature"
  | "defect";

export interface Row {
  readonly kind: Kind;
  /** As the specification has it; `kind: text` is unique. */
  readonly text: string;
  /** Section of the specification: `D 4.2`. */
  readonly source: string;
  /** What the specification says about it, shortened, where the text alone says little. */
  readonly about?: string;
}

export function rowId({ kind, text }: Row): string {
  return `${kind}: ${text}`;
}

export function sourceOf(spec: Spec, number: string): string {
  return `${spec} ${number}`;
}

/** Rows with one id are one: the first stays, with the sections of all. */
export function merged(rows: readonly Row[]): Row[] {
  const byId = new Map<string, Row>();
  for (const row of rows) {
    const known = byId.get(rowId(row));
    if (known === undefined) byId.set(rowId(row), row);
    else if (!known.source.split(", ").includes(row.source)) {
      byId.set(rowId(row), { ...known, source: `${known.source}, ${row.source}` });
    }
  }
  return [...byId.values()];
}

const ABOUT_CHARS = 90;

/** The beginning of a longer explanation, on one line and without the marks of a table. */
export function shortened(text: string): string {
  const line = text.replace(/\*\*/g, "").replace(/\s+/g, " ").trim();
  if (line.length <= ABOUT_CHARS) return line;
  const cut = line.slice(0, ABOUT_CHARS);
  return cut.slice(0, Math.max(cut.lastIndexOf(" "), ABOUT_CHARS / 2)) + " ..";
}
