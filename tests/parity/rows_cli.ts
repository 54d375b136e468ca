/** Rows of D 1, 4 and 5: options, modes, exit codes, keywords, database values and tables. */
import { type Row, shortened } from "./row.ts";
import { codeSpans, section, tableRows } from "./spec_text.ts";

/** An option and whether it takes a value: from `-C NAME`. */
export interface OptionForm {
  readonly letter: string;
  readonly takesValue: boolean;
}

/** Options of the table of modifiers (D 4.2) and those that the fork adds (D 6). */
export function optionRows(text: string): Row[] {
  const ours = tableRows(section(text, "4.2")).flatMap(([cell = "", meaning = ""]) =>
    forms(cell).map(({ letter }) => option(letter, "D 4.2", meaning))
  );
  const forks = tableRows(section(text, "6")).flatMap(([cell = "", meaning = ""]) =>
    forms(cell).filter(({ letter }) => !ours.some((o) => o.text === `-${letter}`))
      .filter(({ letter }) => letter !== "u") // a mode: its row is one of the fork's
      .map(({ letter }) => option(letter, "D 6", meaning))
  );
  return [...ours, ...forks];
}

function option(letter: string, source: string, meaning: string): Row {
  return { kind: "option", text: `-${letter}`, source, about: shortened(meaning) };
}

/** `-X`, `-U` -> X, U; `-C NAME` and `-O[FILE]` take a value. */
export function forms(cell: string): OptionForm[] {
  return codeSpans(cell).flatMap((span) => {
    const match = /^-([A-Za-z])(?:( [A-Z]+)|\[[A-Z]+\])?$/.exec(span);
    return match === null ? [] : [{ letter: match[1]!, takesValue: match[2] !== undefined }];
  });
}

/** Modes of D 4.3, and `-k`, which stands alone (D 4.8). */
export function modeRows(text: string): Row[] {
  const table = tableRows(section(text, "4.3")).flatMap(([cell = "", args = "", effect = ""]) =>
    codeSpans(cell.replace(/\(.*\)/, "")).map((span): Row => ({
      kind: "mode",
      text: span,
      source: "D 4.3",
      about: shortened(`${effect}; arguments: ${args}`),
    }))
  );
  const keygen = /`csync2 (-k) FILE`: creates FILE/.exec(section(text, "4.8"));
  if (keygen === null) throw new Error("D 4.8 does not begin with -k");
  return [...table, {
    kind: "mode",
    text: keygen[1]!,
    source: "D 4.8",
    about: "makes a key file",
  }];
}

/** One row per code and reason (D 4.3); `-H -L -M -S` are four reasons. */
export function exitRows(text: string): Row[] {
  return tableRows(section(text, "4.3"), 1).flatMap(([codes = "", when = ""]) =>
    codes.split(", ").flatMap((code, at) => {
      const reasons = code.startsWith("−") ? [when.split(" and ")[at]!] : reasonsOf(when);
      return reasons.map((reason): Row => ({
        kind: "exit code",
        text: `${code} ${reason.trim()}`,
        source: "D 4.3",
      }));
    })
  );
}

function reasonsOf(when: string): string[] {
  return when.replace("done, no errors", "done without errors").replace(/^and no errors: /, "")
    .split(/; |\. (?:Also )?|, (?:or )?/).flatMap((reason) => {
      const several = /^`((?:-\w )+-\w)` (.*)$/.exec(reason);
      return several === null
        ? [reason]
        : several[1]!.split(" ").map((mode) => `\`${mode}\` ${several[2]}`);
    });
}

/** Reserved words (D 1.2), auto methods (D 1.6) and what `ignore` takes (D 1.10). */
export function keywordRows(text: string): Row[] {
  const keywords = /Keywords: `([^`]+)`/.exec(section(text, "1.2"))?.[1];
  const methods = codeSpans(section(text, "1.6")).find((span) => span.startsWith("none first "));
  const ignored = tableRows(section(text, "1.10")).find(([cell]) => cell?.includes("ignore"))?.[2];
  if (keywords === undefined || methods === undefined || ignored === undefined) {
    throw new Error("D 1 does not list keywords, auto methods and ignored fields");
  }
  return [
    ...keywords.split(/\s+/).map((word): Row => ({ kind: "keyword", text: word, source: "D 1.2" })),
    ...methods.split(" ").map((word): Row => ({
      kind: "keyword",
      text: `auto ${word}`,
      source: "D 1.6",
    })),
    ...codeSpans(ignored.slice(0, ignored.indexOf(":"))).map((word): Row => ({
      kind: "keyword",
      text: `ignore ${word}`,
      source: "D 1.10",
    })),
  ];
}

/** What `-D` and `database` take (D 5.1). */
export function databaseRows(text: string): Row[] {
  return tableRows(section(text, "5.1")).flatMap(([value = "", meaning = ""]) => {
    const also = /2\.1\.1: also (`[^`]+`)/.exec(meaning)?.[1];
    return [value, ...(also === undefined ? [] : [also])].map((text): Row => ({
      kind: "database value",
      text,
      source: "D 5.1",
      about: shortened(meaning),
    }));
  });
}

/** The five tables of the database (D 5.2). */
export function schemaRows(text: string): Row[] {
  return tableRows(section(text, "5.2")).map(([name = "", columns = ""]): Row => ({
    kind: "table",
    text: name.replaceAll("`", ""),
    source: "D 5.2",
    about: columns,
  }));
}
