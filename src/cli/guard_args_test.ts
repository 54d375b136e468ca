import assert from "node:assert/strict";
import { parseArgs } from "./args.ts";
import { USAGE } from "./usage.ts";
import { UsageError } from "./usage_error.ts";

const ROWS: readonly (readonly [readonly string[], unknown])[] = [
  [["-x"], [false, undefined, false, false]],
  [["-cr", "--allow-removals", "/a"], [true, undefined, false, false]],
  [["-ud", "--allow-removals"], [true, undefined, false, false]],
  [["--max-removals", "100", "-u"], [false, { kind: "names", most: 100 }, false, false]],
  [["-x", "--max-removals=2.5%"], [false, { kind: "percent", most: 2.5 }, false, false]],
  [["-cu", "--one-file-system"], [false, undefined, true, false]],
  [["-ii", "--create-parents"], [false, undefined, false, true]],
];
for (const [argv, want] of ROWS) {
  Deno.test(`parseArgs() of the guards in ${argv.join(" ")}`, () => {
    const { allowsRemovals, maxRemovals, oneFileSystem, createsParents } = parseArgs(argv);
    assert.deepEqual([allowsRemovals, maxRemovals, oneFileSystem, createsParents], want);
  });
}

const BAD: readonly (readonly [readonly string[], RegExp])[] = [
  [["-u", "--max-removals"], /requires an argument -- 'max-removals'/],
  [["-u", "--max-removals", "many"], /needs a number .* not 'many'/],
  [["-u", "--max-removals="], /needs a number .* not ''/],
  [["-u", "--max-removalsX", "1"], /invalid option -- '--max-removalsX'$/],
  [["-u", "--max-removals", "101%"], /a percentage like 10% up to 100%, not '101%'/],
  [["-u", "--max-removals", "-1"], /not '-1'/],
  [["-u", "--max-removals", "9".repeat(32)], /needs a number/],
  [
    ["-T", "--allow-removals"],
    /--allow-removals means nothing to this mode, only to -c -u -cu -x$/,
  ],
  [["-xd", "--allow-removals"], /--allow-removals cannot be used with -d/],
  [["-cu", "-d", "--allow-removals"], /--allow-removals cannot be used with -d/],
  [["-M", "--max-removals", "1"], /--max-removals means nothing/],
  [["-u", "--one-file-system"], /--one-file-system means nothing/],
  [["-x", "--create-parents"], /--create-parents means nothing to this mode, only to -i -ii -iii$/],
];
for (const [argv, reason] of BAD) {
  Deno.test(`parseArgs() refuses ${argv.join(" ")}`, () => {
    assert.throws(() => parseArgs(argv), (error: UsageError) => reason.test(error.reason));
  });
}

Deno.test("the usage text tells the guards", () => {
  const guards = [
    "--allow-removals",
    "--max-removals N or P%",
    "--one-file-system",
    "--create-parents",
  ];
  for (const guard of guards) assert.ok(USAGE.includes(`  ${guard}  `), guard);
});
