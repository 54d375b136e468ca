/** Command lines of golden cases, read by getopt's rules; which options take values tells the specification. */
import { forms } from "./rows_cli.ts";
import { section, specText, tableRows } from "./spec_text.ts";

export interface CommandLine {
  /** All option letters in order; those with a value have it in `values`. */
  readonly letters: string;
  readonly values: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

function valueLetters(): string {
  return tableRows(section(specText("D"), "4.2")).flatMap(([cell = ""]) => forms(cell))
    .filter((form) => form.takesValue).map((form) => form.letter).join("");
}
const VALUE_LETTERS = valueLetters();
const MODE_LETTERS = "hcuomfxHLMSTRi";

export function commandLine(words: readonly string[]): CommandLine {
  const values = new Map<string, string>();
  const args: string[] = [];
  let letters = "";
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!/^-[^-]/.test(word)) {
      args.push(word);
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      letters += letter;
      if (letter === "O") break; // its value is glued
      if (!VALUE_LETTERS.includes(letter)) continue;
      values.set(letter, word.slice(i + 1) || words[++at] || "");
      break;
    }
  }
  return { letters, values, args };
}

/** The mode as D 4.3 writes it: `-cu`, `-TT`; empty when there is none. */
export function modeOf({ letters, args }: CommandLine): string {
  if (letters === "k" && args.length === 1) return "-k"; // alone, before everything else
  const mode = [...letters].filter((letter) => MODE_LETTERS.includes(letter)).join("");
  return mode === "" ? "" : `-${mode.replace(/^TT+$/, "TT")}`;
}
