/** Claims for messages: those that no recording of the C programs holds, and those that we replace. */
import { type Claim, claims } from "../claim.ts";

const INTERNALS =
  "nothing is said about statements, shared libraries and single patterns, even at -vvvv";
const SILENT = "what the program does inside is not shown at -vv and above";
const PROTOCOL = "-vvv shows the lines of the protocol on both sides, without keys";
const SERVES = "-ii tells at -v where it listens, who comes and what they change";
const CHECKS = "-c tells at -vv what it looks at and what it found";
const SKIPS = "-u tells at -vv which marks it skips, as no group covers them";
const MESSAGES = "tests/e2e/messages_test.ts";

const internal = (text: string, shows = text): readonly [string, string, Partial<Claim>] => [
  `message: ${text}`,
  INTERNALS,
  { shows, differs: SILENT },
];

const OURS: readonly Claim[] = claims(MESSAGES, [
  ["message: Running check for %s ...", CHECKS],
  ["message: File has changed: %s", CHECKS],
  ["message: Local> …", PROTOCOL, { shows: "Local> BYE" }],
  ["message: Peer> …", PROTOCOL, { shows: "Peer> OK (cu_later)." }],
  ["message: Listening on %s:%s as %s.", SERVES],
  ["message: Csync2 daemon running. Waiting for connections.", SERVES],
  ["message: New connection from %s:%s.", SERVES],
  ["message: Updated %s from %s.", SERVES],
  ["message: Skipping file update %s on %s - not in my groups.", SKIPS],
  ["message: Skipping deletion %s on %s - not in my groups.", SKIPS],
  [
    "message: SSL: failed to use key file %s and/or certificate file %s: %s (%s)",
    "an unusable key is told with the names of the files, and no peer gets anything",
    { shows: "SSL: failed to use key file ${etc}/csync2_ssl_key.pem and/or certificate file" },
  ],
  internal("SQL: %s", "SQL: "),
  internal("SQL Query finished.", "SQL Query finished"),
  internal("Trying to fetch a row from the database.", "Trying to fetch a row from the database"),
  internal("DB get blob: %s ", "DB get blob: "),
  internal("Opening shared library %s", "Opening shared library "),
  [
    "message: Could not open %s: %s",
    INTERNALS,
    {
      shows: "Opening shared library ",
      differs: "no library is loaded: all databases are spoken to by the program itself",
    },
  ],
  internal("Reading symbols from shared library %s", "Reading symbols from shared library "),
  internal("Match (+): %s on %s", "Match \\\\(\\\\+\\\\): "),
  internal("Match (-): %s on %s", "Match \\\\(-\\\\): "),
  internal("Prefix matched: %s <- %s.", "Prefix matched: "),
  internal(" check: %s %u, %s %u, %u.", '" check: "'),
  internal("Peer x509 certificate is: %s", "Peer x509 certificate is: "),
  [
    "message: While syncing file %s:",
    INTERNALS,
    { shows: "While syncing file ", differs: "the error's own line names the file (D 7.4.6)" },
  ],
  [
    "message: Waiting %d secs so others can lock the database (%d - %d)...",
    INTERNALS,
    {
      shows: "secs so others can lock the database",
      differs: "transactions are short; nobody waits for ten seconds of work (D 7.6.11)",
    },
  ],
  [
    "message: Database idle in transaction. Forcing COMMIT.",
    INTERNALS,
    {
      shows: "Database idle in transaction. Forcing COMMIT.",
      differs: "no transaction idles (D 7.5.3)",
    },
  ],
]);

const SMALL: readonly Claim[] = [
  ...claims("tests/golden/steps_test.ts", [
    ['message: "%s: %-15s %s"', "golden sync: dry run", { shows: "?M: b.demo          %p%" }],
  ]),
  ...claims("tests/golden/cli_test.ts", [
    ["message: [HH:MM:SS] ", "golden cli/time_stamps -t -v -M", { shows: "[HH:MM:SS] " }],
    ["message: <PID> ", "golden cli/time_stamps -s /tmp/csync2-demo2/log/ts -M", {
      shows: "<PID> TIMESTAMP",
    }],
  ]),
  ...claims("tests/e2e/logging_test.ts", [
    [
      "message: <PID> ",
      "D 4.7 messages of a server's connections begin with their numbers, stamps too",
      {
        shows: "<1> ",
        differs: "the number of the connection, as all are served by one process",
      },
    ],
    [
      "message: Error while writing to dump_dir_fd %d: %s",
      "-W on a full disk or into a closed pipe ends the list, and not the check",
      { shows: "dump_dir_fd" },
    ],
  ]),
  ...claims("src/os/stat_test.ts", [
    [
      "message: File is a symlink but radlink() failed.",
      "entryAt() looks again when a link changes between stat and readlink",
      {
        shows: "readlinkat",
        differs: "a link is read when it is looked at; what then fails is told with its name",
      },
    ],
  ]),
  ...claims("src/check/mark_test.ts", [
    [
      "message: Not in one of my groups: %s (%s)",
      "markPaths() marks a name, existing or not, and warns of useless ones",
    ],
  ]),
  ...claims("src/check/check_test.ts", [
    [
      "message: %s in scandir: %s (%s)",
      "D 7.3.1 an error is reported with its reason, once for a directory",
      {
        shows: "in scandir: ",
      },
    ],
  ]),
  ...claims("tests/e2e/defects_test.ts", [
    [
      "message: This should not happen: Can't stat %s.",
      "D 7.3.3 files that come and go during a check do not end it",
      {
        shows: "-cr",
        differs: "what vanishes during a check is no error, and ends nothing (D 7.3.3)",
      },
    ],
    [
      "message: Received line too long for buffer size (%u), giving up.",
      "D 7.3.3 D 7.4.5 names longer than C's buffers and the system's paths are synchronised",
      {
        shows: "-T",
        differs: "lines of a peer have larger limits, and end that connection only (D 7.4.5)",
      },
    ],
  ]),
  ...claims("src/update/update_test.ts", [
    [
      "message: ERROR: Cant stat %s.",
      "update() of what vanished after the rows were read is an error, and the mark stays",
      {
        shows: "ERROR: Cant stat a/f.",
      },
    ],
    [
      "message: File type (mode=%o) is not supported.",
      "W 20.23 a socket is not sent, and its mark goes",
      {
        shows: "is not supported",
      },
    ],
  ]),
  ...claims("src/update/conflict_test.ts", [
    [
      "message: ERROR: Auto-resolving failed. Giving up.",
      "update() gives up after a second refusal",
    ],
    [
      "message: auto resolving... response = 10",
      "update() loses with a removal by comparing methods",
      {
        shows: '"Do not auto-resolve conflict: This is a removal.",',
        differs: "a number of the inside, left out in front of the sentence",
      },
    ],
  ]),
  ...claims("src/update/missing_parent_test.ts", [
    [
      "message: missing parent dir : %s",
      "W 15.6 update() sends a missing parent with all that is known below it",
    ],
  ]),
  ...claims("src/update/dial_test.ts", [
    [
      "message: SSL command failed.",
      "D 7.4.13 dialer() counts a failed connection once, and says the step with -v",
    ],
    [
      "message: Config command failed.",
      "D 7.4.13 dialer() counts a failed connection once, and says the step with -v",
    ],
    [
      "message: Group command failed.",
      "D 7.4.13 dialer() counts a failed connection once, and says the step with -v",
    ],
    [
      "message: SSL: handshake failed: %s (%s)",
      "D 7.4.13 dialer() counts a failed connection once, and says the step with -v",
      {
        shows: 'failing("net/tls") }, ["SSL command failed. Cannot connect"]',
        differs: "`SSL command failed.` with the reason, and the peer's name in the line after it",
      },
    ],
    [
      "message: Adding peer x509 certificate to db: %s",
      "dialer() pins the certificate of the first contact (W 5.3)",
    ],
    [
      "message: Peer did provide a wrong SSL X509 cetrificate.",
      "W 20.30 dialer() refuses a changed certificate, tells both and what to do",
      {
        shows: "did provide another SSL certificate than before",
        differs: "both fingerprints and what to do; only that peer is skipped (D 7.4.12)",
      },
    ],
  ]),
  ...claims("src/serve/identify_test.ts", [
    [
      "message: Peer did provide a wrong SSL X509 cetrificate.",
      "identify() pins the first certificate as upper-case hex, and keeps to it",
      {
        shows: "Peer did provide a wrong SSL X509 certificate",
        differs: "both fingerprints and what to do; only that peer is skipped (D 7.4.12)",
      },
    ],
  ]),
  ...claims("src/net/tls_test.ts", [
    [
      "message: Peer did not provide an SSL X509 cetrificate.",
      "upgrade() refuses a client without a certificate",
      {
        shows: "without a certificate",
        differs: "the handshake ends, with a reason of its own",
      },
    ],
  ]),
  ...claims("src/net/tcp_test.ts", [
    [
      "message: Local socket bind() to %s failed; ignored.",
      "connect() goes on unbound when the own name is of no use",
    ],
  ]),
  ...claims("src/net/stdio_test.ts", [
    [
      "message: I'm only talking to sockets or pipes! %x",
      "stdioDuplex() refuses a file and a device in the words of csync2",
      {
        shows: "I'm only talking to sockets or pipes!",
      },
    ],
  ]),
  ...claims("tests/e2e/server_test.ts", [
    [
      "message: Server error: %s",
      "D 7.5.5 a port in use is told with its cause, and exits with 1",
      { shows: "Server error: " },
    ],
    [
      "message: Cannot prepare local socket, getaddrinfo: %s",
      "an unknown name of our own or of a peer is told with the name",
      {
        shows: "^Server error: .*nowhere",
        differs: "`Server error:` with the name and the reason",
      },
    ],
  ]),
  ...claims("tests/interop/hostile_clients_test.ts", [
    [
      "message: Expecting SSL (optional) and CONFIG as first commands.",
      'serveConnection() begins "HELLO x\\n"',
      {
        by: "FIRST_LINES",
      },
    ],
  ]),
  ...claims("tests/e2e/parity_test.ts", [
    [
      "message: Database is busy, sleeping a sec.",
      "lock-timeout: the wait for a busy database has an end, with exit 1 (D 5.5)",
    ],
    [
      "message: Database backend is exceedingly busy => Terminating (requesting retry).",
      "lock-timeout: the wait for a busy database has an end, with exit 1 (D 5.5)",
    ],
  ]),
  ...claims("src/state/open_test.ts", [
    [
      "message: Database Error: %s [%d]: %s on executing %s",
      "openState() says what is wrong in the C program's words when the file is no database",
      {
        shows: "^Database Error: .* \\\\[1\\\\]: ${want} on executing ",
      },
    ],
  ]),
  ...claims("src/config/golden_parse_test.ts", [
    [
      "message: Near line %d: memory exhausted",
      "D 7.1.12 neither statements nor blocks nor words have a limit",
      {
        shows: "golden.size_limits",
        differs: "there is no such limit (D 7.1.12)",
      },
    ],
  ]),
  ...claims("src/actions/actions_test.ts", [
    [
      "message: ERROR: Waitpid returned error %s.",
      "D 7.7.4 the exit status is told, and a failure is no error of the program",
      {
        shows: "ended: exit status",
        differs: "how a command ended is told, whatever it was (D 7.7.4)",
      },
    ],
  ]),
  ...claims("src/compare/compare_test.ts", [
    [
      "message: ERROR: remote host %s did not accept my identification.",
      "D 7.4.12 compare() goes on with the next pair after one that fails",
    ],
    [
      "message: *** output to diff truncated",
      "contents that a peer refuses or that are too long are errors",
      {
        shows: "more than 33554432 bytes at b.demo",
        differs: "contents that are too long are an error, and nothing of them is shown",
      },
    ],
  ]),
  ...claims("tests/interop/hostile_servers_test.ts", [
    [
      "message: Got an error from librsync, too bad!",
      "a server that sends a signature far longer than the file ends the connection with protocol/stream",
      {
        by: "BREACHES",
        shows: "a signature far longer than the file",
        differs: "a signature that is none ends the connection at most, never the process",
      },
    ],
  ]),
];

export const MESSAGE_CLAIMS: readonly Claim[] = [...OURS, ...SMALL];
