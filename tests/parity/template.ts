/** Texts of the specifications with place holders, as regular expressions. */

/** What a place holder stands for; longest first. */
const HOLDERS: readonly [RegExp, string][] = [
  [/^%-15s/, ".{15,}?"],
  [/^GMT%z/, "GMT[+-]\\d{4}"],
  [/^%Y/, "(?:\\d{4}|YYYY)"],
  [/^%m/, "(?:\\d\\d|MM)"],
  [/^%d(?= %H)/, "(?:\\d\\d|DD)"],
  [/^%H/, "(?:\\d\\d|HH)"],
  [/^%M/, "(?:\\d\\d|MM)"],
  [/^%S/, "(?:\\d\\d|SS)"],
  [/^%Z/, "\\S+"],
  [/^%[du]/, "-?\\d+"],
  [/^%o/, "[0-7]+"],
  [/^%x/, "[0-9a-f]+"],
  [/^%c/, "."],
  [/^%s/, "[^\\n]+?"],
  [/^…/, "[^\\n]+?"],
  [/^<(?:address|path|errno)>/, "[^\\n]+?"],
  [/^SYSTEMDIR/, "/[^\\n]*?"],
  [/^H:MM:SS/, "\\d:\\d\\d:\\d\\d"],
];

/** Fixed text that a template needs so that its pattern means something. */
const LEAST_FIXED_CHARS = 6;

interface Parsed {
  readonly pattern: string;
  readonly fixed: string;
}

function parse(template: string): Parsed {
  let pattern = "";
  let fixed = "";
  for (let at = 0; at < template.length;) {
    const rest = template.slice(at);
    const holder = HOLDERS.find(([start]) => start.test(rest));
    if (holder === undefined) {
      const char = template[at]!;
      pattern += char.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
      fixed += char.trim();
      at++;
    } else {
      pattern += holder[1];
      at += holder[0].exec(rest)![0].length;
    }
  }
  return { pattern, fixed };
}

/** Whether a template has enough text of its own to be looked for. */
export function isTelling(template: string): boolean {
  return parse(template).fixed.length >= LEAST_FIXED_CHARS;
}

/** A whole line that is this message; a template that ends in `…` or a blank is a beginning. */
export function lineOf(template: string): RegExp {
  const isStart = /[… ]$/.test(template);
  return new RegExp(`^${parse(template.replace(/ ?…?$/, "")).pattern}${isStart ? "" : "$"}`);
}

/** The message somewhere in a longer text, such as the source of a test. */
export function within(template: string): RegExp {
  return new RegExp(parse(template.replace(/ ?…?$/, "")).pattern);
}
