/** Claims for what the fork 2.1.1 does otherwise, and for the companion script. */
import { type Claim, claims } from "../claim.ts";

const PARITY = "tests/e2e/parity_test.ts";
const STEPS = "tests/golden/steps_test.ts";
const FLAVOUR = "src/protocol/classic/flavour_test.ts";
const TRANSCRIPTS = "tests/golden/transcripts_test.ts";
const NEW_TREE = "serveConnection() answers like 30-211-new-tree";
const SENT_TREE = "connectPeer() speaks like 30-211-new-tree";
const LISTED = "serveConnection() answers like 31-211-list-T";
const IN_ORDER = "links and nodes get owner, mode and time as well (D 7.7.9)";
const MARKS_ALL = "-P chooses whom to send to and marks for all, as in 2.0 (D 7.7.9)";

const LOCAL: readonly Claim[] = [
  ...claims(PARITY, [
    [
      "feature: csync2-compare",
      "csync2-compare: -or DIR -P OTHER lists the same names on both hosts (D 4.10)",
      {
        shows: '"-or", "@", "-P"',
      },
    ],
    [
      "feature: 2.1.1: A shell script for inotify",
      "the fork's script for inotify: -cr of paths, then -ub -P of each peer at once (D 6)",
      { shows: '"-ub", "-P"' },
    ],
    [
      "feature: 2.1.1: default system directory",
      "without CSYNC2_SYSTEM_DIR the configuration is that of /etc (D 1.1)",
      { shows: "\\/etc\\/csync2_nosuchparity", differs: "that of Debian's build, `/etc`" },
    ],
  ]),
  ...claims(STEPS, [
    ["feature: 2.1.1: check text", "golden fork-2.1.1: time stamps are nanoseconds", {
      shows: "csync2 -c",
      differs: "our own databases count seconds, with the fraction out of C's sight (D 7.3.5)",
    }],
    [
      "feature: 2.1.1: `-P`",
      "golden fork-2.1.1: -P restricts marking, by substring and with case",
      {
        shows: "-P ",
        differs: MARKS_ALL,
      },
    ],
    [
      "feature: 2.1.1: `-b`",
      "golden fork-2.1.1: -b with a dry run keeps dirty rows, without -b they are cleared",
      {
        shows: "csync2 -ubd",
        differs: "accepted; marks that were carried out go a few at a time while files travel",
      },
    ],
    ["feature: 2.1.1: `-a`", "golden fork-2.1.1: -a and -b are accepted", { shows: "-a" }],
    ["feature: 2.1.1: `-u PATH`", "golden fork-2.1.1: -u with paths below a prefix works", {
      shows: "csync2 -u",
    }],
    ["feature: 2.1.1: `-TT`", "golden sync: -TT", { shows: "csync2 -TT" }],
    [
      "feature: 2.1.1: transfers",
      "golden fork-2.1.1: owner, mode and time of links and special files are not sent",
      { shows: "csync2 -x", differs: IN_ORDER },
    ],
  ]),
  ...claims("src/reconcile/check_step_test.ts", [
    [
      "feature: 2.1.1: check text",
      "D 6 records of 2.1.1 compare in nanoseconds, those of 2.0 in seconds",
      {
        shows: "nanos",
      },
    ],
  ]),
  ...claims("src/state/open_test.ts", [
    ["feature: 2.1.1: check text", "openState() finds nanos in a database with rows of 2.1.1", {
      by: "UNIT_CASES",
      shows: "rows of 2.1.1",
    }],
  ]),
  ...claims("src/reconcile/marks_test.ts", [
    [
      "feature: 2.1.1: `-P`",
      "marksFor() restricts to exact names, never to parts of them (D 7.7.9)",
      {
        shows: "peers",
        differs: MARKS_ALL,
      },
    ],
    [
      "message: Not marking host %s as dirty because -P flag was specified",
      "marksFor() restricts to exact names, never to parts of them (D 7.7.9)",
      { shows: "onlyPeers", differs: MARKS_ALL },
    ],
  ]),
  ...claims("src/update/settle_queue_test.ts", [
    ["feature: 2.1.1: `-b`", "SettleQueue deletes everything by the time flush() resolves", {
      shows: "flush()",
    }],
  ]),
  ...claims("tests/e2e/logging_test.ts", [
    [
      "feature: 2.1.1: `-O[FILE]`",
      "-O writes every message of every level, emptied at the start, for its owner only",
      { shows: "-O", differs: "mode 0600, and never through a link of somebody else (D 7.7.9)" },
    ],
    ["feature: 2.1.1: server log", "no log of any kind has a group key, on either side (classic)", {
      by: "DIALECTS",
      shows: 'dialect: "classic"',
      differs: "commands are shown at -vvv, and keys never (D 7.7.9)",
    }],
    [
      "message: Could not open full log file:  %s",
      "D 7.7.9 -O refuses a link of our own in a directory where everybody makes files",
      { shows: "Could not open full log" },
    ],
  ]),
  ...claims("tests/interop/hostile_clients_test.ts", [
    ["feature: 2.1.1: server log", "serveConnection() never writes a group key into the trace", {
      shows: "***",
      differs: "commands are shown at -vvv, and keys never (D 7.7.9)",
    }],
  ]),
  ...claims("tests/golden/host_name_guess_test.ts", [
    [
      "feature: 2.1.1: host name",
      "golden D 7.1.17: with one host here the fork's line is ours, and the name holds everywhere",
      { shows: "My hostname guessed as: a.demo" },
    ],
    [
      "feature: 2.1.1: Host name guess",
      "golden D 7.1.17: with one host here the fork's line is ours, and the name holds everywhere",
      {
        shows: "My hostname guessed as: a.demo",
        differs: "only if no group has the system's name and -N is not given (D 7.1.17)",
      },
    ],
    [
      "message: My hostname guessed as: %s",
      "golden D 7.1.17: with one host here the fork's line is ours, and the name holds everywhere",
    ],
  ]),
  ...claims("src/reconcile/conflict_test.ts", [
    [
      "feature: 2.1.1: auto younger/older",
      "conflict() cuts our time when the peer counts in seconds (W 18.4)",
      {
        shows: 'timeUnit: "nanos"',
      },
    ],
  ]),
];

const MIXED = "found out on the wire, and each is spoken to in its own way (W 18.4)";
const WIRE: readonly Claim[] = [
  ...claims(TRANSCRIPTS, [
    [
      "feature: 2.1.1: Mixed versions do not work",
      "serveConnection() answers like 32-mixed-211-to-rc1",
      {
        shows: "ATOMICPATCH",
        differs: MIXED,
      },
    ],
    [
      "feature: 2.1.1: Mixed versions do not work",
      "serveConnection() answers like 33-mixed-rc1-to-211",
      {
        shows: "SETIME",
        differs: MIXED,
      },
    ],
    ["feature: 2.1.1: transfers", NEW_TREE, { shows: "ATOMICPATCH", differs: IN_ORDER }],
    ["feature: 2.1.1: transfers", SENT_TREE, { shows: "ATOMICPATCH", differs: IN_ORDER }],
    ["feature: 2.1.1 on the wire: regular files", NEW_TREE, { shows: "ATOMICPATCH" }],
    ["feature: 2.1.1 on the wire: regular files", SENT_TREE, { shows: "ATOMICPATCH" }],
    ["feature: 2.1.1 on the wire: MKDIR", NEW_TREE, { shows: "MKDIR" }],
    ["feature: 2.1.1 on the wire: MKDIR", SENT_TREE, { shows: "MKDIR" }],
    ["feature: 2.1.1 on the wire: SETIME argument", NEW_TREE, { shows: "SETIME" }],
    ["feature: 2.1.1 on the wire: check text in SIG", NEW_TREE, { shows: "mtime=0" }],
    ["feature: 2.1.1 on the wire: mtime in LIST rows and `file` table", LISTED, { shows: "LIST " }],
    ["feature: 2.1.1 on the wire: GETTM value", "serveConnection() answers like 24-replies-2.1.1", {
      shows: "GETTM",
    }],
    [
      "feature: 2.1.1 on the wire: unknown command",
      "serveConnection() answers like 24-replies-2.1.1",
      {
        shows: "Unkown command!",
        differs: "in the spelling of the Debian build (W 3)",
      },
    ],
    [
      "feature: 2.1.1 on the wire: TLS, SSL, HELLO, keys, SIG, signatures, deltas, reply texts",
      NEW_TREE,
      { shows: "HELLO" },
    ],
  ]),
  ...claims("tests/interop/hostile_clients_test.ts", [
    [
      "feature: 2.1.1 on the wire: SETIME argument",
      'serveConnection() lists in nanos after "SETIME k /a 1600000000000000000"',
      { shows: "SETIME k /a 1600000000000000000" },
    ],
  ]),
  ...claims(FLAVOUR, [
    [
      "feature: 2.1.1 on the wire: GETTM value",
      "timeFromServer() goes by the flavour, and by magnitude where nobody means seconds",
      {
        shows: 'timeFromServer("nanos"',
      },
    ],
    [
      "feature: 2.1.1 on the wire: regular files",
      "creationLine() and followUps() for a file for 2.1.1",
      {
        by: "ROWS",
        shows: "ATOMICPATCH K",
      },
    ],
    [
      "feature: 2.1.1 on the wire: links, FIFOs, devices",
      "creationLine() and followUps() for a link",
      {
        by: "ROWS",
        shows: "SETOWN K",
        differs: IN_ORDER,
      },
    ],
  ]),
  ...claims("src/update/settle_queue_test.ts", [
    [
      "feature: 2.1.1 on the wire: dirty rows",
      "SettleQueue deletes everything by the time flush() resolves",
      {
        shows: "flush()",
      },
    ],
  ]),
  ...claims(STEPS, [
    [
      "feature: 2.1.1 on the wire: `-P`",
      "golden fork-2.1.1: -P restricts marking, by substring and with case",
      {
        shows: "-P ",
        differs: MARKS_ALL,
      },
    ],
  ]),
];

export const FEATURE_CLAIMS: readonly Claim[] = [...LOCAL, ...WIRE];
