/** Claims for commands and replies that no transcript has. */
import { type Claim, claims } from "../claim.ts";

const HOSTILE = "tests/interop/hostile_clients_test.ts";
const UNKNOWN = "serveConnection() knows no commands of other versions (W 11)";
const ERRNO = "errnoText() says what the C library says, for every number";
const TABLE = "the test compares the text of every error number with that of the C library";

export const WIRE_CLAIMS: readonly Claim[] = [
  ...claims(HOSTILE, [
    ["wire command: MKBLK", "serveConnection() understands MKBLK k /a -256", {
      by: "FILE_COMMANDS",
    }],
    ["wire command: AUTH", UNKNOWN],
    ["wire command: DEBUG", UNKNOWN],
    ["wire command: CREATE", UNKNOWN],
    ["wire command: MKHLNK", UNKNOWN],
    ["wire command: STAT", UNKNOWN],
    [
      "reply: Expecting SSL (optional) and CONFIG as first commands.",
      'serveConnection() begins "HELLO x\\n"',
      { by: "FIRST_LINES" },
    ],
    [
      "reply: Config names are limited to [a-z0-9]+.",
      'serveConnection() begins "CONFIG ../x\\n"',
      {
        by: "FIRST_LINES",
        shows: "Config names are limited to [a-z0-9]+.",
      },
    ],
    [
      "reply: This csync2 server is built without SSL support.",
      'serveConnection() begins "SSL\\n"',
      {
        by: "FIRST_LINES",
      },
    ],
    ["reply: Win32 I/O Error on CreateDirectory()", "serveConnection() understands MKDIR k /a", {
      by: "FILE_COMMANDS",
      shows: "MKDIR k /a",
      differs: "nothing of ours runs on Windows; MKDIR fails with the system's text",
    }],
  ]),
  ...claims("src/serve/receiver_test.ts", [
    ["reply: SSL encrypted connection expected!", "without nossl encryption is expected"],
    [
      "reply: Open error while backing up '<path>': <errno>",
      "W 20.4 an unusable backup directory is one error line",
      { shows: "Open error while backing up" },
    ],
    [
      "reply: Input/output error",
      "W 20.1 a delta is consumed whatever happens, and never read as commands",
    ],
    ["reply: Invalid argument", "W 20.18 TYPE follows no link and opens no FIFO"],
  ]),
  ...claims("src/apply/backup_test.ts", [
    [
      "reply: Write error while backing up '<path>': <errno>",
      "W 20.4 a copy that cannot be written whole refuses the change in one line",
      { shows: "Write error while backing up", differs: "the operation is refused (W 20.4)" },
    ],
    ["reply: File exists", "W 20.4 an unusable backup directory refuses the change in one line"],
  ]),
  ...claims("src/apply/apply_test.ts", [
    [
      "reply: Directory not empty",
      "W 20.3 put onto a directory that is not empty is refused before anything is sent",
    ],
  ]),
  ...claims("src/os/errno_test.ts", [
    ["reply: Operation not permitted", ERRNO, { because: TABLE }],
    ["reply: File exists", ERRNO, { because: TABLE }],
    ["reply: Directory not empty", ERRNO, { because: TABLE }],
  ]),
  ...claims("src/protocol/classic/replies_test.ts", [
    ["reply: Unkown command!", "isUnknownCommand() knows both spellings", {
      differs: "understood; our server sends the spelling of the Debian build (W 3)",
    }],
  ]),
];
