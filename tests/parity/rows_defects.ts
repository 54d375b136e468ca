/** Rows of "Defects not to copy" in both specifications, and of what the fork 2.1.1 does otherwise. */
import { type Row, shortened } from "./row.ts";
import { section, sections, type Spec, tableRows } from "./spec_text.ts";

/** Numbered entries below a chapter: `D 7.1.1`, `W 20.1`. */
export function defectRows(spec: Spec, text: string): Row[] {
  const chapter = spec === "D" ? /^7(\.\d+)?$/ : /^20$/;
  return sections(text).filter(({ number }) => chapter.test(number))
    .flatMap(({ number, text: part }) =>
      [...part.matchAll(/^(\d+)\. ((?:.*\n?)(?:(?!\d+\. |#|\n).*\n?)*)/gm)].map((m): Row => ({
        kind: "defect",
        text: `${spec} ${number}.${m[1]}`,
        source: `${spec} ${number}`,
        about: shortened(m[2]!),
      }))
    );
}

/** Paragraphs of D 6 that are features beside its table: the words they begin with. */
const PARAGRAPHS = ["Host name guess", "Mixed versions do not work", "A shell script for inotify"];

/** What 2.1.1 does otherwise: the table and paragraphs of D 6, the table of W 18.1. */
export function forkRows(local: string, wire: string): Row[] {
  const chapter = section(local, "6");
  const table = tableRows(chapter).map(([area = "", difference = ""]): Row => ({
    kind: "feature",
    text: `2.1.1: ${area}`,
    source: "D 6",
    about: shortened(difference),
  }));
  const paragraphs = PARAGRAPHS.map((words): Row => {
    const paragraph = chapter.split("\n\n").find((p) => p.trimStart().startsWith(words));
    if (paragraph === undefined) throw new Error(`D 6 has no paragraph "${words}"`);
    return { kind: "feature", text: `2.1.1: ${words}`, source: "D 6", about: shortened(paragraph) };
  });
  const onTheWire = tableRows(section(wire, "18.1")).map(([topic = "", , fork = ""]): Row => ({
    kind: "feature",
    text: `2.1.1 on the wire: ${topic}`,
    source: "W 18.1",
    about: shortened(fork),
  }));
  return [...table, ...paragraphs, ...onTheWire];
}

/** The companion script, which shows why `-o` and `-P` exist (D 4.10). */
export function companionRow(local: string): Row {
  const name = /^Small companion script .*`(csync2-compare) /m.exec(section(local, "4.10"))?.[1];
  if (name === undefined) throw new Error("D 4.10 does not tell of csync2-compare");
  return {
    kind: "feature",
    text: name,
    source: "D 4.10",
    about: "`csync2 -or DIR -P OTHER` on two hosts, names and hashes compared",
  };
}
