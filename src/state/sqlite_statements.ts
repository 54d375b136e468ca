/** SQL texts for SQLite: transactions, and the statements of the store. */
import type { Query, Statement, Statements } from "./sql_connection.ts";
import { TOLD_ROWS } from "./store.ts";

const TOLD_COLUMNS = ["filename", "peername", "version", "relays", "outdated"];

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
