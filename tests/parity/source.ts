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

/** Source of the test that is registered in this line (from 1). */
export function testSource(text: string, line: number): string {
  return statement(text.split("\n"), line - 1);
}

/** The statement at the left margin around a line (from 1): the loop that makes tests of a table. */
export function enclosingSource(text: string, line: number): string {
  const lines = text.split("\n");
  let top = line - 1;
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
