/** Rows of W: commands and replies. */
import { type Row, shortened } from "./row.ts";
import { codeSpans, section, sections, tableRows } from "./spec_text.ts";

/** Commands of the table in W 11, the two words of W 4 and 5 before it, and the data phase of W 9. */
export function commandRows(text: string): Row[] {
  const table = tableRows(section(text, "11")).map(([command = "", args = ""]): Row => ({
    kind: "wire command",
    text: command.replace(/ \(211\)$/, ""),
    source: "W 11",
    about: args,
  }));
  const first = section(text, "4");
  const start = ["SSL", "CONFIG"].map((word): Row => {
    if (!first.includes(`\`${word}`)) throw new Error(`W 4 does not have ${word}`);
    return { kind: "wire command", text: word, source: "W 4" };
  });
  const none = /There is \*\*no\*\* ([A-Z, ]+), STAT or version/.exec(section(text, "11"))?.[1];
  if (none === undefined) throw new Error("W 11 does not say which commands there are not");
  const absent = [...none.split(", "), "STAT"].map((word): Row => ({
    kind: "wire command",
    text: word,
    source: "W 11",
    about: "unknown in these versions",
  }));
  const data = section(text, "9");
  const phase = ["octet-stream", "ERROR"].map((word): Row => {
    if (!codeSpans(data).some((span) => span.startsWith(word)) && !data.includes(`    ${word}`)) {
      throw new Error(`W 9 does not have ${word}`);
    }
    return { kind: "wire command", text: word, source: "W 9", about: "data phase" };
  });
  return [...start, ...table, ...phase, ...absent];
}

/** Replies of W 3 and of appendix A; two spellings of one are two rows. */
export function replyRows(text: string): Row[] {
  const rows = [
    ...tableRows(section(text, "3")).map((cells) => ({ cells, source: "W 3" })),
    ...tableRows(section(text, "A")).map((cells) => ({ cells, source: "W A" })),
  ];
  return rows.flatMap(({ cells: [cell = "", from = ""], source }) => {
    const isSystems = cell === "system error messages";
    const about = isSystems ? "a system error" : shortened(from);
    return codeSpans(isSystems ? from : cell)
      .map((span): Row => ({ kind: "reply", text: span, source, about }));
  });
}

/** Everything in W that is written like a reply line must be one of these. @returns what is not */
export function forgottenReplies(text: string, known: ReadonlySet<string>): string[] {
  return sections(text).flatMap(({ number, text: part }) =>
    codeSpans(part).filter((span) => /^(OK \([a-z]|.*!$)/.test(span) && !known.has(span))
      .map((span) => `W ${number}: ${span}`)
  );
}
