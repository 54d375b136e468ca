/** Tables for SQLite: the schema of csync2, and our own part of it with its numbered migrations. */
import type { Query, Schema, SchemaStep, Statement, Table } from "./sql_connection.ts";

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
