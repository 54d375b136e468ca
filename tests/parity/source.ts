/** Source text of tests: what stands between the first and the last line of one (the code is formatted). */

function indentOf(line: string): number {
  return line.search(/\S/);
}

/** Lines from `from` (counted from 0) to the end of the statement that begins there. */
function statement(lines: readonly string[], from: number): string {
  const indent = indentOf(lines[from] ?? "");
  let end = from + 1;
  while (end < lines.length) {
    const at = indentOf(lines[end]!);
    if (at >= 0 && at <= indent) break;
    end++;
  }
  const isClosing = (line = "") => indentOf(line) === indent && /^[})\]]/.test(line.trimStart());
  while (isClosing(lines[end])) {
    end++;
    // `} else {` and `] as const) {` open again.
    if (!/[{([]$/.test(lines[end - 1]!)) break;
    while (end < lines.length && indentOf(lines[end]!) > indent || lines[end] === "") end++;
  }
  return lines.slice(from, end).join("\n");
}

/** Where a test is: the line (from 1) of the call that registered it, and its name. */
export interface Place {
  readonly line: number;
  readonly name: string;
}

/**
 * Line (from 0) in which the statement of a test begins. A test that is made by a function of its file
 * begins where that function is called with its name, not where it calls the runner.
 */
function begin(lines: readonly string[], { line, name }: Place): number {
  if (statement(lines, line - 1).includes(name)) return line - 1;
  // The function may put a variant behind the name: `keeps names (mariadb)`.
  const quoted = [name, name.replace(/ \([^()]*\)$/, "")]
    .flatMap((text) => [JSON.stringify(text), `\`${text}\``]);
  const at = lines.findIndex((text) => quoted.some((name) => text.includes(name)));
  if (at < 0) return line - 1;
  return /test\(\{?$/.test(lines[at - 1] ?? "") ? at - 1 : at;
}

/** Source of a test. */
export function testSource(text: string, place: Place): string {
  const lines = text.split("\n");
  return statement(lines, begin(lines, place));
}

/** The statement at the left margin around a test: the loop that makes tests of a table. */
export function enclosingSource(text: string, place: Place): string {
  const lines = text.split("\n");
  let top = begin(lines, place);
  while (top > 0 && (indentOf(lines[top]!) !== 0 || /^[})\]]/.test(lines[top]!))) top--;
  return statement(lines, top);
}

/** A constant, function or class at the left margin; undefined when the file has none of that name. */
export function declarationSource(text: string, name: string): string | undefined {
  const lines = text.split("\n");
  const start = new RegExp(
    `^(?:export )?(?:const|let|async function\\*?|function\\*?|class) ${name}\\b`,
  );
  const at = lines.findIndex((line) => start.test(line));
  return at < 0 ? undefined : statement(lines, at);
}
