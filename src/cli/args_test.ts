import assert from "node:assert/strict";
import { parseArgs } from "./args.ts";
import { USAGE } from "./usage.ts";
import { UsageError } from "./usage_error.ts";

const GOOD: readonly [readonly string[], Record<string, unknown>][] = [
  [["-cIr", "/a"], { mode: "check", init: true, recursive: true, args: ["/a"] }],
  [["/a", "-c"], { mode: "check", args: ["/a"] }],
  [["-c", "--", "-x"], { mode: "check", args: ["-x"] }],
  [["-cu"], { mode: "check-update" }],
  [["-c", "-u", "-p", "31866"], { mode: "check-update", port: "31866" }],
  [["-p31866", "-x"], { mode: "sync", port: "31866" }],
  [["-T"], { mode: "compare", showDiff: false }],
  [["-TTT", "f"], { mode: "compare", showDiff: true }],
  [["-iii"], { mode: "serve-once", syslog: false }],
  [["-i"], { mode: "serve-stdio", syslog: true }],
  [["-vvLv"], { mode: "list-files", verbosity: 3 }],
  [["-k", "f"], { mode: "keygen", args: ["f"] }],
  [["-G", "a,b", "-P", "", "-u"], { groups: ["a", "b"], peers: [""] }],
  [["-O", "-M"], { mode: "list-dirty", fullLog: "/tmp/csync2_full_log.log" }],
  [["-O/x", "-M"], { fullLog: "/x" }],
  [["-N", "", "-M"], { hostName: undefined }],
  [["-j", "3", "-u"], { jobs: 3 }],
  [["-A", "-M"], { asynchronous: true }],
  [["-B", "-M"], { mode: "list-dirty", asynchronous: false }],
  [["--version"], { mode: "version" }],
  [["--list-certs"], { mode: "list-certs", strict: false, actionLimitMs: undefined }],
  [["--forget-cert", "a", "b"], { mode: "forget-cert", args: ["a", "b"] }],
  [["--strict", "-cr", "/a"], { mode: "check", strict: true, args: ["/a"] }],
  [["-ii", "--action-limit", "90"], { mode: "serve", actionLimitMs: 90_000 }],
  [["-x"], { classic: false, checksum: false, durability: undefined, bytesPerSecond: undefined }],
  [["-x", "--classic", "--checksum"], { mode: "sync", classic: true, checksum: true }],
  [["-ii", "--classic", "--durability", "file"], { classic: true, durability: "file" }],
  [["-u", "--bwlimit", "1024"], { bytesPerSecond: 1_024 }],
  [["-u", "--bwlimit=20m"], { bytesPerSecond: 20 * 1_048_576 }],
  [["--bwlimit", "2G", "-cu"], { bytesPerSecond: 2 * 1_024 ** 3 }],
  [["--action-limit=90", "-x"], { mode: "sync", actionLimitMs: 90_000 }],
];
for (const [argv, want] of GOOD) {
  Deno.test(`parseArgs() reads ${argv.join(" ")}`, () => {
    const got = parseArgs(argv) as unknown as Record<string, unknown>;
    for (const [key, value] of Object.entries(want)) assert.deepEqual(got[key], value, key);
  });
}

Deno.test("parseArgs() gives --json no room with -i, where the peer reads", () => {
  const reason = (...argv: string[]) => {
    try {
      return JSON.stringify(parseArgs(argv));
    } catch (error) {
      return (error as UsageError).reason;
    }
  };
  assert.match(reason("-i", "--json"), /^csync2: --json cannot be used with -i/);
  assert.match(reason("-ii", "--json"), /"json":true/);
});

const REASONS: readonly (readonly [readonly string[], string])[] = [
  [["--nonsense"], "invalid option -- '--nonsense'"],
  [["--password=secret", "-M"], "invalid option -- '--password'"],
  [["-x", "--strict=1"], "option takes no argument -- '--strict'"],
  [["--list-certs=b"], "option takes no argument -- '--list-certs'"],
  [["-x", "--list-certs"], "modes cannot be combined -- '--list-certs -x'"],
  [
    ["--list-certs", "--forget-cert", "b"],
    "modes cannot be combined -- '--list-certs --forget-cert'",
  ],
  [["--forget-cert"], "this mode takes at least 1 argument, not 0"],
  [["-ii", "--durability", "full"], "--durability needs none, batch or file, not 'full'"],
  [["-ii", "--durability"], "option requires an argument -- 'durability'"],
  [["-u", "--durability", "none"], "--durability means nothing to this mode, only to -i -ii -iii"],
  [["-T", "--checksum"], "--checksum means nothing to this mode, only to -u -cu -x"],
  [["-M", "--classic"], "--classic means nothing to this mode, only to -u -cu -x -T -i -ii -iii"],
  ...["", "0", "1023", "-5", "1.5M", "5T", "10 K", "999999999999G"].map((rate) =>
    [
      ["-u", `--bwlimit=${rate}`],
      "--bwlimit needs a number of bytes per second from 1024, like 500K, 20M or 1G," +
      ` not '${rate}'`,
    ] as const
  ),
  [["-d", "--forget-cert", "b"], "--forget-cert cannot be used with -d: --list-certs shows"],
];
for (const [argv, reason] of REASONS) {
  Deno.test(`parseArgs() tells what is wrong with ${argv.join(" ")}`, () => {
    assert.throws(() => parseArgs(argv), { reason: `csync2: ${reason}` });
  });
}

Deno.test("parseArgs() takes --help and --version beside anything", () => {
  assert.equal(parseArgs(["-x", "--help"]).mode, "help");
  assert.equal(parseArgs(["--list-certs", "--version"]).mode, "version");
});

const BAD: readonly (readonly string[])[] = [
  [],
  ["--forget-cert"],
  ["--list-certs", "a"],
  ["--strict", "-ii"],
  ["--action-limit", "1", "-M"],
  ["--action-limit", "0", "-x"],
  ["-x", "--action-limit"],
  ["-v"],
  ["-L", "-M"],
  ["-LL"],
  ["-u", "-c"],
  ["-uu"],
  ["-cT"],
  ["-iiii"],
  ["-S", "a"],
  ["-L", "x"],
  ["-T", "1", "2", "3", "4"],
  ["-z"],
  ["-C"],
  ["-v", "-k", "f"],
  ["-k"],
  ["-j", "0", "-u"],
  ["-j", "many", "-u"],
  ["--nonsense"],
];
for (const argv of BAD) {
  Deno.test(`parseArgs() refuses ${JSON.stringify(argv)}`, () => {
    assert.throws(() => parseArgs(argv), UsageError);
  });
}

Deno.test("the usage text tells every option that parseArgs() knows", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const told = new Set(USAGE.match(/(?<![\w-])-[A-Za-z]+/g)?.flatMap((word) => [...word.slice(1)]));
  const isKnown = (letter: string) => {
    for (const argv of [[`-${letter}`], [`-${letter}`, "1", "-M"], [`-${letter}`, "-M"]]) {
      try {
        parseArgs(argv);
        return true;
      } catch (error) {
        if (!(error as UsageError).reason.includes("invalid option")) return true;
      }
    }
    return letter === "k"; // an option only alone
  };
  assert.deepEqual(letters.filter((l) => told.has(l)), letters.filter(isKnown));
  const longs = ["--json", "--version", "--help", "--make-cert"];
  for (const long of [...longs, "--classic", "--checksum", "--durability", "--bwlimit"]) {
    assert.match(USAGE, new RegExp(`${long}\\b`));
  }
});
