/** Golden cases that we answer differently on purpose; the README shows the same list. */
export interface Difference {
  /** `FILE/CASE`. */
  readonly case: string;
  /** What we do instead, and why. */
  readonly why: string;
  /** Section of the specification that says so. */
  readonly spec: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    case: "transcripts/23-replies-2.1-0rc1",
    why:
      "a bare ATOMICPATCH before HELLO marks our own client: it is told that it met its own kind, and is served in nanoseconds",
    spec: "W 18.3",
  },
  {
    case: "transcripts/24-replies-2.1.1",
    why:
      "an unknown command is answered with the spelling of the Debian build, and the bare probe as above",
    spec: "W 3, W 18.3",
  },
  {
    case: "transcripts/27-patch-onto-nonempty-directory",
    why: "refused with an error line before send_data, never a stream of length -1",
    spec: "W 20.3",
  },
  {
    case: "transcripts/29-sig-io-error-desync",
    why: "SIG of an unreadable file is an error line, so that C clients stay in step",
    spec: "W 20.2",
  },
  {
    case: "transcripts/32-mixed-211-to-rc1",
    why: "ATOMICPATCH is understood, with any client",
    spec: "W 18.4",
  },
  {
    case: "transcripts/34-delta-read-as-commands",
    why: "the promised delta is taken before the refusal and never executed",
    spec: "W 20.1",
  },
  ...because("D 7.1.3", 'a text that is an error without is read with \\" in quotes', [
    "config-parse/no escape in quotes",
  ]),
  ...because("D 7.1.4", "a quote that is never closed is an error", [
    "config-parse/unterminated quoted string",
    "config-parse/lone quote at the end",
  ]),
  ...because(
    "D 7.1.6",
    "includes: no newline echo, also from the system directory, wildcards, any depth",
    [
      "config-parse/config: semicolon on the next line",
      "config-parse/config: file name on the next line",
      "config-parse/config: forgotten semicolon eats the next word",
      "config-parse/config: not relative to the system directory",
      "config-parse/config: no globbing",
      "config-parse/config: directory",
      "config-parse/config: 11 nested files",
    ],
  ),
  ...because("D 7.1.7", "all words of a compare statement are compare patterns", [
    "config-effects/compare includes all words but the last",
  ]),
  ...because("D 7.1.8", "spelling, and `first` in the list of auto methods", [
    "config-parse/auto unknown",
    "config-parse/auto is case-sensitive",
    "config-parse/ignore unknown",
    "config-parse/ignore mode",
    "cli/modes -s /nonexistent/x -M",
  ]),
  ...because("D 7.1.9", "keys of groups that this host is not in are not needed", [
    "config-parse/no key in a foreign group",
    "config-parse/key file of a foreign group missing",
  ]),
  ...because(
    "D 7.1.10",
    "a CR at the end of a key does not count; a key that would be cut is refused",
    [
      "config-parse/key: crlf",
      "config-parse/key: line longer than 1023",
    ],
  ),
  ...because("D 7.1.11", "numbers must be numbers", [
    "config-parse/backup generations not a number",
    "config-parse/lock-timeout not a number",
    "config-parse/lock-timeout negative",
  ]),
  ...because("D 7.1.14", "host patterns of prefixes are matched without case", [
    "config-parse/prefix host pattern is case-sensitive",
  ]),
  ...because("D 7.2.4", "every directory is entered that could hold a match of `**`", [
    "patterns/recursive include @/a/**.txt; -cIr /",
    "patterns/direct include @/a/**.txt; -cIr @/a/x",
  ]),
  ...because("D 7.2.5", "a base name exclude holds for all that is below the directory", [
    "patterns/recursive include @/a/x; exclude sub; include @/a/x/sub/deep; -cIr /",
    "patterns/direct include @/a; exclude .git; -cI @/a/.git/config",
    "patterns/direct include @/a; exclude .git; -cIr @/a/.git/hooks",
  ]),
  ...because("D 7.2.7", "`?` and brackets take a character of a UTF-8 name, not a byte", [
    "fnmatch/base ? ü",
    "fnmatch/base ?? ü",
    "fnmatch/base [!abc] ü",
  ]),
  ...because("D 7.2.8", "`include /` is an error, as it includes the root directory only", [
    "patterns/recursive include /; -cIr /",
    "patterns/direct include /; -cI @/a",
  ]),
  ...because("D 7.2.10", "a prefix directory is listed once", [
    "patterns/compare include %P%; } prefix P { on *: @/b; } -or @/b",
    "patterns/compare include %P%; } prefix P { on *: @/b; } -o @/b",
  ]),
  ...because("D 7.3.4", "targets of links below a prefix are read", [
    "checktxt/below_prefix_p",
    "checktxt/symlink target below a prefix (defect: not seen)",
  ]),
  ...because("D 7.3.5", "changes within a second are seen", [
    "checktxt/mtime below one second",
  ]),
  ...because("D 7.3.11", "another `ignore` marks nothing", [
    "checktxt/ignore statement added: every entry changes",
  ]),
  ...because("D 7.6.7", "a database is looked at before tables are made; missing tables are made", [
    "database/not a database file",
    "database/only a table named file exists: taken as a complete schema",
  ]),
  ...because(
    "D 7.6.1",
    "MariaDB and MySQL: all tables are made, `recursive` is quoted, and hints work",
    ["database/mysql first run", "database/mysql tables made", "database/mysql hints"],
  ),
  ...because(
    "D 7.6.2",
    "MariaDB and MySQL: texts are bytes, so names that differ in case are two",
    ["database/mysql columns", "database/mysql case"],
  ),
  ...because(
    "D 7.6.3",
    "PostgreSQL: actions and hints given twice are there once; own indexes, which hold names of any length, replace the unique keys on names",
    [
      "database/pgsql same action twice",
      "database/pgsql hint twice",
      "database/pgsql indexes",
    ],
  ),
  ...because(
    "D 7.6.6",
    "missing parts of a URL have defaults; a failure to connect is one line with what to do",
    ["database/pgsql no user"],
  ),
  ...because(
    "D 7.6.7",
    "a database is looked at before tables are made; missing tables are made",
    ["database/pgsql first run"],
  ),
  ...because("D 6", "`mariadb://` is `mysql://`, as in 2.1.1", ["cli/database_argument#19"]),
  ...because("D 7.6.9", "new files have mode 0600", ["database/file_mode"]),
  ...because("D 7.6.11", "the journal mode is wal", ["database/pragmas"]),
  ...because("D 7.4.12", "another certificate is an error for that peer alone, with fingerprints", [
    "database/x509_cert",
  ]),
  ...because("D 7.3.13", "rows below a removed directory go without -r too", [
    "check-flows/removed tree, check of the top without -r leaves rows below",
  ]),
  ...because("D 7.3.8", "a later mark keeps the force flag", ["check-flows/-m"]),
  ...because("D 7.3.8", "a later change keeps the force flag", ["check-flows/-f"]),
  ...because("D 7.3.6", "a removal below a prefix is seen from above", [
    "check-flows/prefix: removal is not seen from a directory above the prefix (defect)",
  ]),
  ...because(
    "D 7.1.16",
    "rows of an undeclared prefix are skipped with a warning, and -R removes them",
    ["check-flows/prefix no longer declared"],
  ),
  ...because(
    "D 7.4.2",
    "-TT with a file tells by its exit code whether the contents differ, like -T",
    ["sync/-TT"],
  ),
  ...because(
    "W 20.18",
    "TYPE follows no links; links below prefixes are compared; exit codes as -T (D 7.4.2, D 7.3.4)",
    ["sync/-TT on equal files, links, directories, binary files"],
  ),
  ...because("D 7.4.4", "both lists are compared in the order of encoded names", [
    "sync/-T with names that sort differently when decoded",
  ]),
  ...because("D 7.3.4", "targets of links below a prefix are recorded", ["sync/-x"]),
  ...because("D 7.4.1", "a dry run changes nothing anywhere", ["sync/dry run"]),
  ...because("D 7.4.6", "each conflict and refusal is a line that names file, peer and reason", [
    "sync/conflict",
    "sync/conflict, auto younger",
    "sync/conflict, auto bigger",
    "sync/conflict, auto right",
    "sync/conflict, removal against change, auto younger",
    "sync/conflict, change against removal at the peer, auto right",
    "sync/slave tries to send",
  ]),
  ...because("D 7.3.12", "a missing parent is marked for that peer only", [
    "sync/defect: a missing parent directory at one peer marks the tree for all hosts of the group",
  ]),
  ...because("D 7.3.7", "path arguments find rows under a prefix", [
    "sync/-u and -x with paths below a prefix (defect: nothing is sent)",
    "sync/-x with -I; -cu",
  ]),
  ...because("D 7.7.1", "no file name is part of the text that the shell parses", [
    "actions/defect: shell text in file names is executed",
  ]),
  ...because("D 7.7.2", "every `%%` stands for the real paths; commands run in `/`", [
    "actions/substitution: first %% only, encoded names",
    "actions/a directory pattern takes what is below",
    "actions/** crosses slashes",
    "actions/no pattern matches all",
    "actions/do-local-only runs here",
    "actions/on the receiving side",
  ]),
  ...because("D 7.7.3", "an action runs only after a change on this host", [
    "actions/defect: runs on the sending side too when a parent directory is missing at the peer",
    "actions/defect: runs at a receiver that refused the file because of a conflict",
    "actions/defect: runs at a master that refused a slave",
  ]),
  ...because(
    "D 7.7.4",
    "a failed command or log file is told; left-overs wait for a mode that runs actions",
    [
      "actions/exit status of a command is ignored",
      "actions/log file that cannot be opened",
      "actions/left-over actions run with every mode",
    ],
  ),
  ...because("D 7.7.5", "order of declaration; the log file is part of the key", [
    "actions/order: descending by encoded command",
    "actions/same command twice, other log file",
  ]),
  ...because(
    "D 7.3.5",
    "a database of our own counts seconds, with the fraction out of C's sight",
    [
      "fork-2.1.1/time stamps are nanoseconds",
    ],
  ),
  ...because(
    "D 7.7.9",
    "`-P` chooses whom to send to and marks for all, as in 2.0; links and nodes get owner, mode, time",
    [
      "fork-2.1.1/-P restricts marking, by substring and with case",
      "fork-2.1.1/owner, mode and time of links and special files are not sent",
    ],
  ),
  ...because(
    "D 7.1.17",
    "the own name is guessed only if no group has the system's and -N is not given; of several none is taken, and the one found holds everywhere",
    [
      "fork-2.1.1/host_name_guess: first host of the group with a local address",
      "fork-2.1.1/host_name_guess: option -N is overridden when it is in no group",
      "fork-2.1.1/host_name_guess: a host without a local address is skipped",
      "fork-2.1.1/host_name_guess: prefixes are chosen with the old name",
      "fork-2.1.1/host_name_guess: a second group with other local names",
    ],
  ),
  ...because("D 7.7.9", "the full log is for its owner only, and no link of others is followed", [
    "fork-2.1.1/full_log",
  ]),
  ...because(
    "W 18.4",
    "each version is told times in its own unit, and databases of both are taken over without marks",
    ["fork-2.1.1/mixed_versions", "fork-2.1.1/upgrade"],
  ),
  ...because("D 7.4.1", "a dry run changes nothing anywhere", [
    "fork-2.1.1/-b with a dry run keeps dirty rows, without -b they are cleared",
  ]),
  ...because("D 7.3.4", "targets of links below a prefix are recorded", [
    "sync/-x, then a removal",
  ]),
  ...because("D 6", "the options of 2.1.1 are options: -a, -b, -O", [
    "cli/modes -a",
    "cli/modes -b",
    "cli/modes -O",
  ]),
  ...because("D 7.4.8", "wrong usage gets its reason first; --help and --version exist", [
    "cli/modes --help",
  ]),
  ...because("D 7.3.16", "level 2 says what the one pass finds, in its order", [
    "cli/verbosity -vv",
    "fork-2.1.1/full_log",
  ]),
  ...because("D 7.2.9", "names with a prefix are arguments too", [
    "patterns/direct include %P%; -cI %P%/p",
  ]),
];

function because(spec: string, why: string, cases: readonly string[]): Difference[] {
  return cases.map((name) => ({ case: name, why, spec }));
}
