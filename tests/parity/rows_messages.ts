/** Rows for every text that the C programs say: the catalogue of D 8, and messages elsewhere in D and W. */
import { type Row, sourceOf } from "./row.ts";
import { codeSpans, section, sections } from "./spec_text.ts";

/** Spans that look like a message and are none; each must be in the specification. */
export const NO_MESSAGES: Readonly<Record<string, string>> = {
  "A–Z a–z 0–9 . _": "the bytes of a key",
  "TEXT NOT NULL": "the type of a column",
  "INTEGER NOT NULL": "the type of a column",
  "X - NAME": "output of csync2-compare, a row of its own",
  "X X NAME": "output of csync2-compare, a row of its own",
  "Version: 2.1.1": "identity of the fork",
  "Received line too long for buffer size (2048), giving up.": "the text of D 8 with its value",
  "Server error": "the beginning of a text of D 4.9",
  "%*%/x": "a pattern",
};

/** Messages that neither begin with a capital letter nor hold a value; each must be in its section. */
export const ODD_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  "1.1": ["input in flex scanner failed"],
  "4.1": ["csync2: invalid option -- 'z'"],
};

/** Sections whose spans are no messages: values, names on the disk, actions as text. */
const CATALOGUE = "8";
const CHAPTERS_WITH_DEFECTS = /^[79](\.|$)/;

function looksLikeMessage(span: string): boolean {
  if (!/\s/.test(span)) return false;
  return /^[A-Z"<[]/.test(span) || /%[sdux]/.test(span);
}

/** Messages of D: everything in chapter 8, and what looks like one in chapters 1 to 6. */
export function messageRows(text: string): Row[] {
  return sections(text).filter(({ number }) => !CHAPTERS_WITH_DEFECTS.test(number))
    .flatMap(({ number, text: part }) => {
      const spans = number === CATALOGUE ? catalogue(part) : [
        ...codeSpans(part).filter(looksLikeMessage),
        ...(ODD_MESSAGES[number] ?? []),
      ];
      return spans.filter((span) => !(span in NO_MESSAGES)).map((span) =>
        message(span, sourceOf("D", number))
      );
    });
}

function message(span: string, source: string): Row {
  return { kind: "message", text: span, source };
}

/** Spans of D 8 that are values of the message before them, or belong to its explanation. */
const VALUES = new Set(["code font", "SSL", "PLAIN", "/*", "NULL", "-N", "-T"]);

/** Every message of the catalogue; `the same with 'x', 'y'` makes one of each. */
export function catalogue(part: string): string[] {
  const found: string[] = [];
  for (const span of codeSpans(part)) {
    if (VALUES.has(span)) continue;
    const variant = /^'[a-z/]+'$/.test(span);
    if (variant) found.push(found.findLast((m) => m.includes("Won '"))!.replace(/'[^']*'/, span));
    else found.push(span);
  }
  return found;
}

/** Messages of programs that W tells in double or back quotes: sentences that are no reply. */
export function wireMessageRows(text: string, replies: ReadonlySet<string>): Row[] {
  return sections(text).filter(({ number }) => !/^(20|21|A|B)$/.test(number))
    .flatMap(({ number, text: part }) => {
      const quoted = [...part.matchAll(/"([A-Z][a-z][^"`\n]*[.!])"/g)].map((m) => m[1]!);
      const spans = codeSpans(part).filter((span) => /^[A-Z][a-z]+ .*[.!]$/.test(span));
      return [...quoted, ...spans]
        .filter((span) => !replies.has(span) && !/^(OK \(|Dear )|\.\.\./.test(span))
        .map((span): Row => ({ kind: "message", text: span, source: sourceOf("W", number) }));
    });
}

/** All spans of exceptions occur in the text they are exceptions of. @returns those that do not */
export function staleExceptions(text: string): string[] {
  const spans = new Set(codeSpans(text));
  const odd = Object.entries(ODD_MESSAGES).flatMap(([number, list]) =>
    list.filter((span) => !codeSpans(section(text, number)).includes(span))
  );
  return [...Object.keys(NO_MESSAGES).filter((span) => !spans.has(span)), ...odd];
}
