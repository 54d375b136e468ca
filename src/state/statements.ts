/** Every SQL text for SQLite: the schema of csync2, our own tables beside it, and the statements of the store. */
import { TOLD_ROWS } from "./store.ts";
import type { Query, Schema, SchemaStep, Statement, Statements, Table } from "./sql_connection.ts";

/** D 5.2, in the C program's order and to the byte (golden database.json). */
const CSYNC2_TABLES: readonly Table[] = [
  table("file", "filename, checktxt", "filename", "REPLACE"),
  table("dirty", "filename, forced, myname, peername", "filename, peername"),
  table("hint", "filename, recursive", "filename, recursive"),
  table("action", "filename, command, logfile", "filename, command"),
  table("x509_cert", "peername, certdata", "peername"),
];

function table(name: string, columns: string, key: string, onConflict = "IGNORE"): Table {
  const sql = `CREATE TABLE ${name} (\t${columns},\tUNIQUE ( ${key} ) ON CONFLICT ${onConflict})`;
  return { name, create: { purpose: `Creating ${name} table`, sql } };
}

/** Names of our own tables and triggers: C programs never look at them. */
const OWN_OBJECTS = [
  "csync3_note",
  "csync3_intent",
  "csync3_action",
  "csync3_root",
  "csync3_told",
  "csync3_generation",
  "csync3_marked",
  "csync3_settled",
] as const;

/**
 * A dropped table takes its triggers with it, and the next start repairs that.
 *
 * Generations are row numbers of `dirty`, which these triggers keep from being used twice. SQLite
 * gives a new row the highest number plus one, so only the number of a deleted highest row could come
 * back: it is written down when that row goes, and a row that gets a number not above it is moved.
 * Triggers are part of the schema and therefore fire in C programs too. C's pair of DELETE and INSERT
 * for a mark thus changes the generation.
 */
const SQLITE_MIGRATIONS: readonly (readonly SchemaStep[])[] = [
  [
    own(`TABLE IF NOT EXISTS csync3_note (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID`),
    own(
      `TABLE IF NOT EXISTS csync3_intent (filename TEXT PRIMARY KEY, peername TEXT, temp TEXT, want TEXT) WITHOUT ROWID`,
    ),
    own(
      `TABLE IF NOT EXISTS csync3_action (place INTEGER PRIMARY KEY, filename, command, logfile, UNIQUE (filename, command, logfile))`,
    ),
    own(`TABLE IF NOT EXISTS csync3_generation (highest INTEGER NOT NULL)`),
    {
      purpose: "Preparing generations",
      sql:
        "INSERT INTO csync3_generation SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM csync3_generation)",
    },
    own(`TRIGGER IF NOT EXISTS csync3_marked AFTER INSERT ON dirty
WHEN new.rowid <= (SELECT highest FROM csync3_generation)
BEGIN
  UPDATE csync3_generation SET highest = highest + 1;
  UPDATE dirty SET rowid = (SELECT highest FROM csync3_generation) WHERE rowid = new.rowid;
END`),
    own(`TRIGGER IF NOT EXISTS csync3_settled AFTER DELETE ON dirty
WHEN old.rowid > (SELECT ifnull(max(rowid), 0) FROM dirty)
BEGIN
  UPDATE csync3_generation SET highest = max(highest, old.rowid);
END`),
  ],
  [
    own(
      `TABLE IF NOT EXISTS csync3_root (filename TEXT PRIMARY KEY, kind TEXT, place TEXT) WITHOUT ROWID`,
    ),
  ],
  [
    own(
      `TABLE IF NOT EXISTS csync3_told (place INTEGER PRIMARY KEY, filename TEXT, peername TEXT, version TEXT, relays INTEGER, outdated INTEGER, UNIQUE (filename, peername))`,
    ),
    own(
      `INDEX IF NOT EXISTS csync3_outdated ON csync3_told (place) WHERE outdated = 1`,
    ),
    {
      purpose: "Removing old notes",
      sql: "DELETE FROM csync3_note WHERE name LIKE 'told/%'",
    },
  ],
];

function own(definition: string): Statement {
  return { purpose: "Creating own tables", sql: `CREATE ${definition}` };
}

const TOLD_COLUMNS = ["filename", "peername", "version", "relays", "outdated"];

/** Names of all tables and triggers that are there. */
const SQLITE_OBJECTS: Query = {
  purpose: "Reading schema",
  columns: ["name"],
  rest: "FROM sqlite_master WHERE type IN ('table', 'trigger')",
};

export const SQLITE_SCHEMA: Schema = {
  objects: SQLITE_OBJECTS,
  tables: CSYNC2_TABLES,
  own: OWN_OBJECTS,
  migrations: SQLITE_MIGRATIONS,
};

/** A text parameter: bytes that are not ASCII are bound as a blob, see sqlite.ts. */
const TEXT = "CAST(? AS TEXT)";
/** A flag as csync2 has it: the driver binds numbers as floating point, and `0.0` would be stored. */
const FLAG = "CAST(? AS INTEGER)";

/** A JSON array of texts as rows. */
const ASKED = `json_each(${TEXT}) AS asked`;

function text(n: number): string {
  return `CAST(?${n} AS TEXT)`;
}

function dirtyRows(condition: string): Query {
  return {
    purpose: "DB Dump - Dirty",
    columns: ["rowid", "forced", "myname", "peername", "filename"],
    rest: `FROM dirty WHERE (filename, peername) > (${text(1)}, ${text(2)}) AND ` +
      `filename < ${text(3)}${condition} ORDER BY filename, peername LIMIT ?4`,
    isPage: true,
    octets: "octet_length(myname) + octet_length(peername) + octet_length(filename)",
  };
}

/** Rows of neighbours. @param key column by which they are found */
function between(
  { purpose, columns, from, key, octets }: {
    readonly purpose: string;
    readonly columns: readonly string[];
    readonly from: string;
    readonly key: string;
    readonly octets?: string;
  },
): Query {
  const value = key === "rowid" ? "?" : TEXT;
  return {
    purpose,
    columns: [...columns, key],
    // PERF: a limit that is nothing but a parameter makes SQLite plan again for each call, 12 us.
    rest: `FROM ${from} WHERE ${key} >= ${value} AND ${key} <= ${value} ` +
      `ORDER BY ${key} LIMIT 0 + ?`,
    isPage: true,
    ...(octets !== undefined && { octets }),
  };
}

function records(order: "ASC" | "DESC"): Query {
  return {
    purpose: "DB Dump - File",
    columns: ["filename", "checktxt"],
    rest: `FROM file WHERE filename >= ${TEXT} AND filename < ${TEXT} ` +
      `ORDER BY filename ${order} LIMIT ?`,
    isPage: true,
  };
}

/**
 * COMPAT: not IMMEDIATE. Without a log, a C program that has read and wants to write, and we who have
 * written and want to commit, would wait for each other. With a log both words mean the same.
 */
export const SQLITE_BEGIN: Statement = { purpose: "Begin", sql: "BEGIN EXCLUSIVE" };

export const SQLITE_COMMIT: Statement = { purpose: "Commit", sql: "COMMIT" };
export const SQLITE_ROLLBACK: Statement = { purpose: "Rollback", sql: "ROLLBACK" };

/** The statements for SQLite. */
export const SQLITE: Statements = {
  record: {
    purpose: "Checking file",
    columns: ["checktxt"],
    rest: `FROM file WHERE filename = ${TEXT}`,
    many: `FROM ${ASKED} CROSS JOIN file WHERE filename = asked.value`,
    between: between({
      purpose: "Checking file",
      columns: ["checktxt"],
      from: "file",
      key: "filename",
    }),
  },
  recordsAscending: records("ASC"),
  recordsDescending: records("DESC"),
  putRecord: {
    purpose: "Adding or updating file entry",
    head: "INSERT INTO file (filename, checktxt) VALUES",
    row: `(${TEXT}, ${TEXT})`,
    tail: "ON CONFLICT (filename) DO UPDATE SET checktxt = excluded.checktxt",
  },
  deleteRecord: {
    purpose: "Removing file from DB",
    sql: `DELETE FROM file WHERE filename = ${TEXT}`,
    many: `DELETE FROM file WHERE filename IN (SELECT value FROM ${ASKED})`,
  },

  dirtyPeers: {
    purpose: "Get hosts from dirty db",
    columns: ["peername"],
    rest: "FROM (SELECT DISTINCT peername FROM dirty) ORDER BY peername DESC",
  },
  dirtyRows: dirtyRows(""),
  dirtyRowsOfPeer: dirtyRows(` AND peername = ${text(5)}`),
  // A new number for a row that is there: above its own, which is all that settle() asks for.
  mark: {
    purpose: "Marking file as dirty",
    head: "INSERT INTO dirty (filename, forced, myname, peername) VALUES",
    row: `(${TEXT}, ${FLAG}, ${TEXT}, ${TEXT})`,
    tail: "ON CONFLICT (filename, peername) DO UPDATE SET " +
      "forced = max(forced, excluded.forced), myname = excluded.myname, " +
      // Naming dirty.rowid makes SQLite look again for each row of the statement.
      "rowid = (SELECT max(d.rowid) + 1 FROM dirty AS d WHERE d.rowid >= dirty.rowid)",
  },
  isDirty: {
    purpose: "Checking dirty",
    columns: ["1"],
    rest: `FROM dirty WHERE filename = ${TEXT} LIMIT 1`,
  },
  peersOf: {
    purpose: "Checking dirty",
    columns: ["peername"],
    rest: `FROM dirty WHERE filename = ${TEXT}`,
    many: `FROM ${ASKED} CROSS JOIN dirty WHERE filename = asked.value`,
    between: between({
      purpose: "Checking dirty",
      columns: ["peername"],
      from: "dirty",
      key: "filename",
      octets: "octet_length(filename) + octet_length(peername)",
    }),
  },
  settle: {
    purpose: "Removing dirty entry",
    sql: `DELETE FROM dirty WHERE filename = ${TEXT} AND peername = ${TEXT} AND rowid = ?`,
  },
  settleMany: {
    find: {
      purpose: "Removing dirty entry",
      columns: ["filename", "peername"],
      rest: "FROM dirty WHERE rowid = ?",
      many: `FROM ${ASKED} CROSS JOIN dirty WHERE dirty.rowid = asked.value`,
      between: between({
        purpose: "Removing dirty entry",
        columns: ["filename", "peername"],
        from: "dirty",
        key: "rowid",
        octets: "octet_length(filename) + octet_length(peername)",
      }),
    },
    remove: {
      purpose: "Removing dirty entry",
      sql: "DELETE FROM dirty WHERE rowid = ?",
      many: `DELETE FROM dirty WHERE rowid IN (SELECT value FROM ${ASKED})`,
    },
    removeRun: {
      purpose: "Removing dirty entry",
      sql: "DELETE FROM dirty WHERE rowid >= ? AND rowid <= ?",
    },
  },
  clearMarks: {
    purpose: "Clearing dirty marks",
    sql: `DELETE FROM dirty WHERE filename = ${TEXT}`,
  },
  clearMarksOfPeer: {
    purpose: "Clearing dirty marks",
    sql: `DELETE FROM dirty WHERE filename = ${TEXT} AND peername = ${TEXT}`,
  },
  force: {
    purpose: "Forcing dirty marks",
    sql: `UPDATE dirty SET forced = 1 WHERE filename >= ${TEXT} AND filename < ${TEXT}`,
  },

  hints: {
    purpose: "DB Dump - Hint",
    columns: ["recursive", "filename"],
    rest: "FROM hint ORDER BY filename, recursive",
  },
  addHint: {
    purpose: "Adding hint",
    sql: `INSERT OR IGNORE INTO hint (filename, recursive) VALUES (${TEXT}, ${FLAG})`,
  },
  deleteHint: {
    purpose: "Removing hint",
    sql: `DELETE FROM hint WHERE filename = ${TEXT} AND recursive = ?`,
  },

  // csync2's key has no log file (D 7.7.5): rows which it cannot hold are in csync3_action, and
  // places are given so that both tables together keep the order of scheduling.
  actions: {
    purpose: "Get commands from action table",
    columns: ["filename", "command", "logfile"],
    rest: "FROM (SELECT rowid AS place, filename, command, logfile FROM action UNION ALL " +
      "SELECT place, filename, command, logfile FROM csync3_action) ORDER BY place",
  },
  schedule: [
    {
      purpose: "Add action to database",
      sql: `INSERT OR IGNORE INTO csync3_action (place, filename, command, logfile) ` +
        `SELECT ${nextPlace()}, ${text(1)}, ${text(2)}, ${text(3)} WHERE EXISTS ` +
        `(SELECT 1 FROM action WHERE filename = ${text(1)} AND command = ${text(2)} ` +
        `AND logfile <> ${text(3)})`,
    },
    {
      purpose: "Add action to database",
      sql: `INSERT OR IGNORE INTO action (rowid, filename, command, logfile) ` +
        `SELECT ${nextPlace()}, ${text(1)}, ${text(2)}, ${text(3)} WHERE NOT EXISTS ` +
        `(SELECT 1 FROM csync3_action WHERE filename = ${text(1)} AND command = ${text(2)} ` +
        `AND logfile = ${text(3)})`,
    },
  ],
  deleteAction: ["action", "csync3_action"].map((from) => ({
    purpose: "Remove action entry",
    sql: `DELETE FROM ${from} WHERE filename = ${TEXT} AND command = ${TEXT} AND logfile = ${TEXT}`,
  })),

  pin: {
    purpose: "Check x509 certs",
    columns: ["certdata"],
    rest: `FROM x509_cert WHERE peername = ${TEXT}`,
  },
  pins: {
    purpose: "List x509 certs",
    columns: ["peername", "certdata"],
    rest: "FROM x509_cert ORDER BY peername",
  },
  addPin: {
    purpose: "Adding peer x509 certificate",
    sql: `INSERT OR IGNORE INTO x509_cert (peername, certdata) VALUES (${TEXT}, ${TEXT})`,
  },
  deletePin: {
    purpose: "Removing peer x509 certificate",
    sql: `DELETE FROM x509_cert WHERE peername = ${TEXT}`,
  },

  intents: {
    purpose: "Reading intents",
    columns: ["filename", "peername", "temp", "want"],
    rest: "FROM csync3_intent ORDER BY filename",
  },
  putIntent: {
    purpose: "Writing intent",
    head: "INSERT OR REPLACE INTO csync3_intent (filename, peername, temp, want) VALUES",
    row: `(${TEXT}, ${TEXT}, ${TEXT}, ${TEXT})`,
    tail: "",
  },
  deleteIntent: {
    purpose: "Removing intent",
    sql: `DELETE FROM csync3_intent WHERE filename = ${TEXT}`,
    many: `DELETE FROM csync3_intent WHERE filename IN (SELECT value FROM ${ASKED})`,
    between: {
      find: between({
        purpose: "Removing intent",
        columns: [],
        from: "csync3_intent",
        key: "filename",
        octets: "octet_length(filename)",
      }),
      sql: `DELETE FROM csync3_intent WHERE filename >= ${TEXT} AND filename <= ${TEXT}`,
    },
  },

  toldOf: {
    purpose: "Reading what was told",
    columns: TOLD_COLUMNS,
    rest: `FROM csync3_told WHERE filename = ${TEXT}`,
    many: `FROM ${ASKED} CROSS JOIN csync3_told WHERE filename = asked.value`,
    between: between({
      purpose: "Reading what was told",
      columns: TOLD_COLUMNS,
      from: "csync3_told",
      key: "filename",
      octets: "2 * octet_length(filename) + octet_length(peername) + octet_length(version)",
    }),
  },
  outdatedTold: {
    purpose: "Reading what was told",
    columns: TOLD_COLUMNS,
    rest: "FROM csync3_told WHERE outdated = 1 ORDER BY place",
  },
  putTold: {
    purpose: "Writing what was told",
    head: `INSERT OR REPLACE INTO csync3_told (${TOLD_COLUMNS.join(", ")}) VALUES`,
    row: `(${TEXT}, ${TEXT}, ${TEXT}, ${FLAG}, ${FLAG})`,
    tail: "",
  },
  deleteTold: {
    purpose: "Removing what was told",
    sql: `DELETE FROM csync3_told WHERE filename = ${TEXT} AND peername = ${TEXT}`,
  },
  trimTold: {
    purpose: "Removing what was told",
    sql: "DELETE FROM csync3_told WHERE place <= " +
      `(SELECT max(place) - ${TOLD_ROWS} FROM csync3_told)`,
  },

  roots: {
    purpose: "Reading roots",
    columns: ["filename", "kind", "place"],
    rest: "FROM csync3_root ORDER BY filename",
  },
  putRoot: {
    purpose: "Writing root",
    sql: `INSERT OR REPLACE INTO csync3_root (filename, kind, place) ` +
      `VALUES (${TEXT}, ${TEXT}, ${TEXT})`,
  },
  deleteRoot: {
    purpose: "Removing root",
    sql: `DELETE FROM csync3_root WHERE filename = ${TEXT}`,
  },

  foreignCommits: {
    purpose: "Reading data version",
    columns: ["data_version"],
    rest: "FROM pragma_data_version",
  },

  note: {
    purpose: "Reading note",
    columns: ["value"],
    rest: `FROM csync3_note WHERE name = ${TEXT}`,
  },
  putNote: {
    purpose: "Writing note",
    sql: `INSERT OR REPLACE INTO csync3_note (name, value) VALUES (${TEXT}, ${TEXT})`,
  },
  timeSamples: {
    purpose: "DB Dump - File",
    columns: ["checktxt"],
    rest: "FROM (SELECT checktxt FROM file LIMIT 20000) " +
      "WHERE substr(checktxt, 1, 11) = 'v1%3Amtime=' LIMIT 100",
  },
};

function nextPlace(): string {
  return "max(ifnull((SELECT max(rowid) FROM action), 0), " +
    "ifnull((SELECT max(place) FROM csync3_action), 0)) + 1";
}
