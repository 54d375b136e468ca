/** The output of `diff -Nus` for two contents in memory. */
import type { StructuredPatchHunk } from "diff";

export interface ContentDiffOptions {
  /** Byte strings. */
  readonly there: string;
  readonly here: string;
  /** Labels. */
  readonly theirs: string;
  readonly ours: string;
}

export interface ContentDiff {
  /** Without their LF. */
  readonly lines: readonly string[];
  readonly differs: boolean;
}

/** GNU diff looks for a NUL in its first buffer. */
const BINARY_PROBE_BYTES = 65_536;
const CONTEXT_LINES = 3;
/** LIMIT: lines that are inserted and removed; beyond them all of one side is replaced by the other. */
const MAX_EDIT_LINES = 10_000;
const MAX_DIFF_MS = 3_000;

/** Compares line by line; never throws, whatever the bytes are. */
export async function contentDiff(options: ContentDiffOptions): Promise<ContentDiff> {
  const { there, here, theirs, ours } = options;
  if (there === here) {
    return { lines: [`Files ${theirs} and ${ours} are identical`], differs: false };
  }
  if (isBinary(there) || isBinary(here)) {
    return { lines: [`Binary files ${theirs} and ${ours} differ`], differs: true };
  }
  const lines = [`--- ${theirs}`, `+++ ${ours}`];
  for (const hunk of await hunks(there, here)) {
    lines.push(
      `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
    );
    for (const line of hunk.lines) lines.push(line);
  }
  return { lines, differs: true };
}

function isBinary(content: string): boolean {
  const nul = content.indexOf("\0");
  return nul >= 0 && nul < BINARY_PROBE_BYTES;
}

async function hunks(there: string, here: string): Promise<readonly StructuredPatchHunk[]> {
  const { structuredPatch } = await import("diff"); // only -TT needs it
  const patch = structuredPatch("", "", there, here, undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDIT_LINES,
    timeout: MAX_DIFF_MS,
  });
  return patch?.hunks ?? [replaceAll(there, here)];
}

/** A right answer that is not the shortest: for contents with hardly a common line. */
function replaceAll(there: string, here: string): StructuredPatchHunk {
  const old = linesOf(there), now = linesOf(here);
  return {
    oldStart: 1,
    oldLines: old.count,
    newStart: 1,
    newLines: now.count,
    lines: [...old.prefixed("-"), ...now.prefixed("+")],
  };
}

function linesOf(content: string) {
  const lines = content.split("\n");
  const endsInside = lines.at(-1) !== "";
  if (!endsInside) lines.pop();
  return {
    count: lines.length,
    prefixed: (sign: string) => [
      ...lines.map((line) => sign + line),
      ...(endsInside ? ["\\ No newline at end of file"] : []),
    ],
  };
}

/** A count of 1 is left out; a range without lines is told by the line before it. */
function range(start: number, count: number): string {
  return count === 1 ? `${start}` : count === 0 ? `${start - 1},0` : `${start},${count}`;
}
