/** The specifications as text: their sections, tables and `code` spans (pure, but for reading the files). */
import { ROOT } from "../support/program.ts";

export type Spec = "D" | "W";
const FILES: Readonly<Record<Spec, string>> = {
  D: "docs/spec/config-cli-db.md",
  W: "docs/spec/wire-protocol.md",
};

export function specText(spec: Spec): string {
  return Deno.readTextFileSync(ROOT + FILES[spec]);
}

/** A part of a specification: its number (`4.2`, `8`, `A`) and what stands below that heading. */
export interface Section {
  readonly number: string;
  readonly text: string;
}

/** All sections in order; a chapter's own text ends where its first sub-section begins. */
export function sections(text: string): Section[] {
  return text.split(/^(?=#{2,3} )/m).flatMap((part) => {
    const number = /^#{2,3} (\d+(?:\.\d+)*|[A-Z])(?:\.? )/.exec(part)?.[1];
    return number === undefined ? [] : [{ number, text: part.slice(part.indexOf("\n") + 1) }];
  });
}

/** Text of one section, its sub-sections left out. @throws when there is none */
export function section(text: string, number: string): string {
  const found = sections(text).find((s) => s.number === number);
  if (found === undefined) throw new Error(`No section ${number} in the specification`);
  return found.text;
}

/** Rows of the `at`-th table of a text, without its heading; cells are trimmed. */
export function tableRows(text: string, at = 0): string[][] {
  const tables = text.split(/\n(?!\|)/).flatMap((part) => /(?:^\|.*\n?)+/m.exec(part)?.[0] ?? []);
  const table = tables[at];
  if (table === undefined) throw new Error(`No table ${at} in the text: ${text.slice(0, 60)}`);
  return table.trim().split("\n").slice(2).map((line) =>
    line.slice(1, line.lastIndexOf("|")).split("|").map((cell) => cell.trim())
  );
}

/** A message may have a back quote of its own in front of its value. */
const SPAN = /``(.+?)``|`((?:[^`]|`%s')+)`/gs;

/** Texts between back quotes, in order; fenced blocks have none. Line breaks are blanks. */
export function codeSpans(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(SPAN)]
    .map(([, double, single]) => (double ?? single!).replace(/\n\s*/g, " "));
}
