/** Tables for PostgreSQL: the schema of csync2, and our own part of it. */
import type { Query, Schema, SchemaStep, Table } from "./sql_connection.ts";

/**
 * D 5.2, in the C program's order, without its unique constraints on names: they hold no name that is
 * longer than a third of a page, and make the program fail that schedules an action twice (D 7.6.3).
 */
const TABLES: readonly Table[] = [
  table("action", "filename TEXT NOT NULL, command TEXT NOT NULL, logfile TEXT NOT NULL"),
  table(
    "dirty",
    "filename TEXT NOT NULL, forced INTEGER NOT NULL, myname TEXT NOT NULL, peername TEXT NOT NULL",
  ),
  table("file", "filename TEXT NOT NULL, checktxt TEXT NOT NULL"),
  table("hint", `filename TEXT NOT NULL, "recursive" INTEGER NOT NULL`),
  table("x509_cert", "peername TEXT NOT NULL, certdata TEXT NOT NULL, UNIQUE (peername)"),
];

function table(name: string, columns: string): Table {
  const purpose = `Creating ${name} table`;
  return { name, create: { purpose, sql: `CREATE TABLE ${name} (${columns})` } };
}

/** Bytes of a name that the indexes order by; a third of a page is 2,704. */
const HEAD_BYTES = 2_000;

/** The name's own bytes: byte order, whatever the collation of the database (D 7.6.5). */
export function key(name: string): string {
  return `csync3_key(${name})`;
}

/** What the indexes have of it. */
export function head(name: string): string {
  return `substr(csync3_key(${name}), 1, ${HEAD_BYTES})`;
}

/** Tells names with the same head apart. */
export function tail(name: string): string {
  return `csync3_tail(${name})`;
}

export const PEER = `peername COLLATE "C"`;
export const NAME_INDEX = `(${head("filename")}), csync3_tail(filename)`;

/**
 * Columns of our own have defaults, and go with their row: C programs name the columns that they
 * insert, and replace a row by deleting and inserting it. A mark of theirs thus has a generation that
 * never was, and a record of theirs no part of a second.
 */
const MIGRATION: readonly SchemaStep[] = [
  own("csync3_note", `TABLE csync3_note (name TEXT PRIMARY KEY, value TEXT)`),
  own("csync3_generation", `SEQUENCE csync3_generation`),
  // A byte that is not UTF-8 is stored as an escape (D 7.6.4), and ordered as the byte it stands for.
  {
    purpose: "Creating own functions",
    sql: `CREATE OR REPLACE FUNCTION csync3_key(t TEXT) RETURNS BYTEA
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF position('%' IN t) = 0 OR t !~ '%[89A-F][0-9A-F]' THEN
    RETURN convert_to(t, getdatabaseencoding());
  END IF;
  RETURN (
    SELECT string_agg(
      CASE WHEN m[2] IS NULL THEN convert_to(m[1], getdatabaseencoding())
        ELSE decode(m[2], 'hex') END,
      ''::BYTEA ORDER BY n)
    FROM regexp_matches(t, '((?:[^%]|%(?![89A-F][0-9A-F]))+)|%([89A-F][0-9A-F])', 'g')
      WITH ORDINALITY AS found (m, n));
END $$`,
  },
  {
    purpose: "Creating own functions",
    sql: `CREATE OR REPLACE FUNCTION csync3_tail(t TEXT) RETURNS BYTEA
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF octet_length(t) <= ${HEAD_BYTES} THEN RETURN ''::BYTEA; END IF;
  RETURN sha256(convert_to(t, getdatabaseencoding()));
END $$`,
  },
  own(
    "csync3_intent",
    "TABLE csync3_intent (filename TEXT NOT NULL, peername TEXT NOT NULL, temp TEXT NOT NULL, " +
      "want TEXT NOT NULL)",
  ),
  own(
    "csync3_root",
    "TABLE csync3_root (filename TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL)",
  ),
  column("file.csync3_ns", "TEXT"),
  column("dirty.csync3_generation", "BIGINT NOT NULL DEFAULT nextval('csync3_generation')"),
  column("action.csync3_place", "BIGINT NOT NULL DEFAULT nextval('csync3_generation')"),
  ...["file_filename_key", "dirty_filename_peername_key", "action_filename_command_key"].map(
    (name) => ({
      purpose: "Dropping keys that hold no long names",
      sql: `ALTER TABLE ${name.split("_", 1)[0]} DROP CONSTRAINT ${name}`,
      changes: name,
    }),
  ),
  index("csync3_file_name", { unique: true, on: `file (${NAME_INDEX})` }),
  index("csync3_dirty_name", { unique: true, on: `dirty (${NAME_INDEX}, ${PEER})` }),
  index("csync3_dirty_peer", { on: `dirty (${PEER})` }),
  index("csync3_hint_name", { on: `hint (${NAME_INDEX})` }),
  index("csync3_action_name", { on: `action (${NAME_INDEX})` }),
  index("csync3_intent_name", { unique: true, on: `csync3_intent (${NAME_INDEX})` }),
  index("csync3_root_name", { unique: true, on: `csync3_root (${NAME_INDEX})` }),
];

const TOLD_MIGRATION: readonly SchemaStep[] = [
  own("csync3_telling", "SEQUENCE csync3_telling"),
  own(
    "csync3_told",
    "TABLE csync3_told (place BIGINT NOT NULL DEFAULT nextval('csync3_telling'), " +
      "filename TEXT NOT NULL, peername TEXT NOT NULL, version TEXT NOT NULL, " +
      "relays INTEGER NOT NULL, outdated INTEGER NOT NULL)",
  ),
  index("csync3_told_name", { unique: true, on: `csync3_told (${NAME_INDEX}, ${PEER})` }),
  index("csync3_told_place", { on: "csync3_told (place)" }),
  index("csync3_told_outdated", { on: "csync3_told (place) WHERE outdated = 1" }),
  { purpose: "Removing old notes", sql: "DELETE FROM csync3_note WHERE name LIKE 'told/%'" },
];

function own(makes: string, definition: string) {
  return { purpose: "Creating own tables", sql: `CREATE ${definition}`, makes };
}

function column(makes: string, type: string) {
  const [of, name] = makes.split(".");
  const sql = `ALTER TABLE ${of} ADD COLUMN ${name} ${type}`;
  return { purpose: "Adding own columns", sql, makes };
}

function index(makes: string, { on, unique = false }: { on: string; unique?: boolean }) {
  const sql = `CREATE ${unique ? "UNIQUE " : ""}INDEX ${makes} ON ${on}`;
  return { purpose: "Creating own indexes", sql, makes };
}

const IN_SCHEMA = "= current_schema()::regnamespace";

/** Tables, indexes and sequences; functions; columns as `table.column`. */
const OBJECTS: Query = {
  purpose: "Reading schema",
  columns: ["name"],
  rest: `FROM (SELECT relname::text AS name FROM pg_class WHERE relnamespace ${IN_SCHEMA} ` +
    `UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace ${IN_SCHEMA} ` +
    "UNION ALL SELECT relname || '.' || attname FROM pg_attribute JOIN pg_class ON " +
    `pg_class.oid = attrelid WHERE relnamespace ${IN_SCHEMA} AND attname LIKE 'csync3%' ` +
    "AND NOT attisdropped) AS objects",
};

/** Names of csync2's own tables. */
export const TABLE_NAMES: readonly string[] = TABLES.map(({ name }) => name);

export const POSTGRES_SCHEMA: Schema = {
  objects: OBJECTS,
  tables: TABLES,
  own: [
    ...[...MIGRATION, ...TOLD_MIGRATION].flatMap(({ makes }) => makes === undefined ? [] : [makes]),
    "csync3_key",
  ],
  migrations: [MIGRATION, TOLD_MIGRATION],
};
