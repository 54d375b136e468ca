/** Claims for options, modes, exit codes, words of the configuration, database values and tables. */
import { type Claim, claims } from "../claim.ts";

const PARITY = "tests/e2e/parity_test.ts";
const SERVER = "tests/e2e/server_test.ts";
const LOGGING = "tests/e2e/logging_test.ts";
const HEX = "x509_cert: both sides keep the other's certificate as upper-case hex DER (D 5.6)";
const EXITS = "exit codes of whole runs: 0, 1 and 2 (D 4.3)";
const BACKUPS =
  "backup-directory and backup-generations: the receiver keeps the last copies (D 5.8)";

export const CLI_CLAIMS: readonly Claim[] = [
  ...claims("src/cli/args_test.ts", [
    ["option: -A", "parseArgs() reads -A -M", { by: "GOOD" }],
    ["option: -B", "parseArgs() reads -B -M", {
      by: "GOOD",
      differs: "accepted; transactions are short, so there is nothing to switch off (D 7.6.11)",
    }],
  ]),
  ...claims("src/state/synchronous_test.ts", [
    ["option: -A", "a database waits for the disk unless -A is given, with a log and without", {
      shows: "synchronous: false",
    }],
  ]),
  ...claims("tests/interop/logging_test.ts", [
    [
      "option: -l",
      "D 4.7 messages of -lv -cr / are those of the C program, and in the same place",
      {
        by: "COMMANDS",
      },
    ],
  ]),
  ...claims(LOGGING, [
    [
      "option: -O",
      "-O writes every message of every level, emptied at the start, for its owner only",
    ],
    ["option: -l", "-l without a system log says so, once, and the run goes on"],
    ["option: -s", "a full log and time stamps on a full disk cost one line each, and not the run"],
    ["option: -W", "-W on a full disk or into a closed pipe ends the list, and not the check"],
  ]),
  ...claims(SERVER, [
    ["mode: -i", "-i serves the connection of a super-server, with actions and nothing else on it"],
    ["mode: -iii", "-iii serves one connection and ends with 0"],
    ["mode: -ii", "-ii and -iii listen on the socket that systemd passes"],
  ]),
  ...claims(PARITY, [
    ["exit code: 0 done without errors", EXITS, { shows: '0, "done without errors"' }],
    ["exit code: 1 usage", EXITS, { shows: '1, "usage"' }],
    ["exit code: 1 fatal error", EXITS, { shows: '1, "fatal error"' }],
    ["exit code: 1 error count > 0 at the end", EXITS, { shows: '1, "error count > 0 at the end' }],
    ["exit code: 2 a directory in place of a configuration file", EXITS, {
      shows: '1, "a directory in place of a configuration file"',
      differs: "1, as for every configuration that cannot be read (D 7.1.6)",
    }],
    ["table: x509_cert", HEX],
    ["keyword: backup-directory", BACKUPS],
    ["keyword: backup-generations", BACKUPS],
    [
      "keyword: lock-timeout",
      "lock-timeout: the wait for a busy database has an end, with exit 1 (D 5.5)",
    ],
  ]),
  ...claims("tests/golden/steps_test.ts", [
    ["exit code: 2 `-TT FILE` always", "golden sync: -TT", {
      shows: "csync2 -TT",
      differs: "as -T: 2 only when the contents are equal (D 7.4.2)",
    }],
  ]),
  ...claims("src/compare/compare_test.ts", [
    [
      "exit code: 2 `-TT FILE` always",
      "D 7.4.2 contents of one file count as different or in sync, as -T",
      {
        shows: "contents: true",
        differs: "as -T: 2 only when the contents are equal (D 7.4.2)",
      },
    ],
  ]),
  ...claims("src/fs/canonical_test.ts", [
    [
      "exit code: −6 aborted by signal: see 2.2 (SIGABRT)",
      "D 7.2.1 D 7.2.2 canonical() answers every golden case, or differs for a stated reason",
      { shows: "golden.cases", differs: "paths that reduce to the root are the root (D 7.2.1)" },
    ],
  ]),
  ...claims("tests/e2e/settled_test.ts", [
    [
      "exit code: −6 aborted by signal: see 2.2 (SIGABRT)",
      "D 7.2.1 paths that reduce to the root are the root, and end nothing",
      { shows: '"/etc/.."', differs: "paths that reduce to the root are the root (D 7.2.1)" },
    ],
  ]),
  ...claims("src/update/peer_run_test.ts", [
    [
      "defect: D 7.3.15",
      "W 20.32 rows for hosts and files that the configuration forgot are told",
      {
        shows: "csync2 -R removes them",
      },
    ],
  ]),
  ...claims("tests/e2e/hostile_test.ts", [
    [
      "exit code: −13 7.5 (SIGPIPE)",
      "D 7.5.2 W 20.31 a server that closes before the delta is an error, and nothing is lost",
      {
        shows: "hang up",
        differs: "a peer that closes is an error for that peer, exit 1 (D 7.5.2)",
      },
    ],
    ["keyword: tempdir", "W 20.22 the live file is replaced whole, whatever tempdir says", {
      differs:
        "accepted; content is made beside its target, so that one rename installs it (W 20.22)",
    }],
  ]),
  ...claims("src/config/load_test.ts", [
    [
      "keyword: config",
      "D 7.1.6 included files come from the system directory, too, and may be wildcards",
    ],
  ]),
  ...claims("src/reconcile/conflict_test.ts", [
    ["keyword: auto none", "conflict() none: none", { by: "TABLE", shows: 'auto("none")' }],
  ]),
  ...claims("tests/golden/whole_program_test.ts", [
    ["keyword: no-cygwin-lowercase", "golden config-parse/no-cygwin-lowercase"],
  ]),
  ...claims("src/state/database_url_test.ts", [
    ["database value: empty", "databaseTarget() 5.1: falls back to the default directory", {
      shows: 'defaultDir: "/var/lib/csync2"',
    }],
  ]),
];
