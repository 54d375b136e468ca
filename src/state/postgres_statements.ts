/** SQL texts for PostgreSQL: settings, transactions, and the statements of the store. */
import { head, key, NAME_INDEX, PEER, TABLE_NAMES, tail } from "./postgres_schema.ts";
import { TOLD_ROWS } from "./store.ts";
import type { Query, Statement, Statements } from "./sql_connection.ts";

/** Any number of ours, by database: an advisory lock belongs to one. */
const LOCK_NUMBER = 0x63737933;
/** How long the server lets a transaction wait before we ask again. */
const LOCK_WAIT_MS = 500;

/** Settings of every connection. Values travel as bytes, and never become part of a statement's text. */
export function postgresSettings(use: "write" | "read", isSynchronous: boolean): string {
  return [
    "SET client_encoding = 'SQL_ASCII'",
    "SET standard_conforming_strings = on",
    // PERF: a new table has no statistics, and a page must never be made by sorting all of it.
    "SET enable_seqscan = off",
    "SET enable_sort = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
    "SET client_min_messages = warning",
    `SET lock_timeout = ${LOCK_WAIT_MS}`,
    ...(use === "read" ? ["SET default_transaction_read_only = on"] : []),
    ...(isSynchronous ? [] : ["SET synchronous_commit = off"]),
    "SHOW server_encoding",
  ].join("; ");
}

/**
 * One writer at a time: ours wait for each other at the advisory lock, and nobody else, a C program
 * among them, writes to a table of ours meanwhile. Only the first table is waited for; a C program may
 * have a later one, and then wants the first: it would be told of a deadlock, and end.
 *
 * @param turn each attempt waits for another table
 */
export function postgresBegin(turn: number): string {
  const order = TABLE_NAMES.map((_, n) => TABLE_NAMES[(n + turn) % TABLE_NAMES.length]);
  const locks = order.map((name, n) =>
    `LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE${n === 0 ? "" : " NOWAIT"}`
  );
  return [POSTGRES_BEGIN_ALONE, ...locks].join("; ");
}

/** While there are no tables yet. */
export const POSTGRES_BEGIN_ALONE = `BEGIN; SELECT pg_advisory_xact_lock(${LOCK_NUMBER})`;

/** A text as the column has it: `NUL ns=` of a record is kept apart, as there is no NUL here. */
const RECORD_TEXT = `concat_ws(E'\\x01', checktxt, csync3_ns)`;

/** @param text a parameter by its number, or the next one, as text of the database */
export function postgresStatements(text: (n?: number) => string): Statements {
  // PERF: as a query of its own a value is made once, not again for each row.
  const once = (expression: string) => `(SELECT ${expression})`;
  const named = (n: number) =>
    `${head("filename")} = ${once(head(text(n)))} AND ` +
    `${tail("filename")} = ${once(tail(text(n)))}`;
  const inRange = (from: number, before: number) =>
    `${head("filename")} BETWEEN ${once(head(text(from)))} AND ${once(head(text(before)))} AND ` +
    `${key("filename")} < ${once(key(text(before)))}`;
  const isFrom = (n: number) => `${key("filename")} >= ${once(key(text(n)))}`;
  const ofPeer = (n: number) => `${PEER} = ${text(n)}`;
  return {
    ...records({ named, inRange, isFrom, text }),
    ...marks({ named, inRange, isFrom, ofPeer, text }),
    ...hintsAndActions({ named, text }),
    ...pinsAndIntents({ named, text }),
    ...toldRows({ named, ofPeer, text }),
    ...rootsAndNotes({ named, text }),
  };
}

interface Parts {
  readonly named: (n: number) => string;
  readonly inRange: (from: number, before: number) => string;
  readonly isFrom: (n: number) => string;
  readonly ofPeer: (n: number) => string;
  readonly text: (n?: number) => string;
}

function records({ named, inRange, isFrom, text }: Omit<Parts, "ofPeer">) {
  const page = (order: "ASC" | "DESC"): Query => ({
    purpose: "DB Dump - File",
    columns: ["filename", RECORD_TEXT],
    rest: `FROM file WHERE ${inRange(1, 2)} AND ${isFrom(1)} ` +
      `ORDER BY ${head("filename")} ${order}, ${key("filename")} ${order} LIMIT $3::bigint`,
    isPage: true,
  });
  return {
    record: {
      purpose: "Checking file",
      columns: [RECORD_TEXT],
      rest: `FROM file WHERE ${named(1)}`,
    },
    recordsAscending: page("ASC"),
    recordsDescending: page("DESC"),
    putRecord: {
      purpose: "Adding or updating file entry",
      head: "INSERT INTO file (filename, checktxt, csync3_ns) " +
        "SELECT n, split_part(t, E'\\x01', 1), nullif(split_part(t, E'\\x01', 2), '') FROM (VALUES",
      row: `(${text()}, ${text()})`,
      tail: `) AS v (n, t) ON CONFLICT (${NAME_INDEX}) DO UPDATE SET ` +
        "checktxt = excluded.checktxt, csync3_ns = excluded.csync3_ns",
      keys: [0],
    },
    deleteRecord: {
      purpose: "Removing file from DB",
      sql: `DELETE FROM file WHERE ${named(1)}`,
    },
  };
}

function marks({ named, inRange, isFrom, ofPeer, text }: Parts) {
  const page = (condition: string): Query => ({
    purpose: "DB Dump - Dirty",
    columns: ["csync3_generation", "forced", "myname", "peername", "filename"],
    rest: `FROM dirty WHERE ${inRange(1, 3)} AND ` +
      `(${key("filename")}, ${PEER}) > ((SELECT ${key(text(1))}), ${text(2)})${condition} ` +
      `ORDER BY ${head("filename")}, ${key("filename")}, ${PEER} LIMIT $4::bigint`,
    isPage: true,
  });
  return {
    dirtyPeers: {
      purpose: "Get hosts from dirty db",
      columns: ["peername"],
      rest: `FROM (SELECT DISTINCT peername FROM dirty) AS peers ORDER BY ${PEER} DESC`,
    },
    dirtyRows: page(""),
    dirtyRowsOfPeer: page(` AND ${ofPeer(5)}`),
    mark: {
      purpose: "Marking file as dirty",
      head: "INSERT INTO dirty (filename, forced, myname, peername) VALUES",
      row: `(${text()}, ?::integer, ${text()}, ${text()})`,
      tail: `ON CONFLICT (${NAME_INDEX}, ${PEER}) DO UPDATE SET ` +
        "forced = greatest(dirty.forced, excluded.forced), myname = excluded.myname, " +
        "csync3_generation = excluded.csync3_generation",
      keys: [0, 3],
    },
    isDirty: {
      purpose: "Checking dirty",
      columns: ["1"],
      rest: `FROM dirty WHERE ${named(1)} LIMIT 1`,
    },
    peersOf: {
      purpose: "Checking dirty",
      columns: ["peername"],
      rest: `FROM dirty WHERE ${named(1)}`,
    },
    settle: {
      purpose: "Removing dirty entry",
      sql: `DELETE FROM dirty WHERE ${named(1)} AND ${
        ofPeer(2)
      } AND csync3_generation = $3::bigint`,
    },
    clearMarks: { purpose: "Clearing dirty marks", sql: `DELETE FROM dirty WHERE ${named(1)}` },
    clearMarksOfPeer: {
      purpose: "Clearing dirty marks",
      sql: `DELETE FROM dirty WHERE ${named(1)} AND ${ofPeer(2)}`,
    },
    force: {
      purpose: "Forcing dirty marks",
      sql: `UPDATE dirty SET forced = 1 WHERE ${inRange(1, 2)} AND ${isFrom(1)}`,
    },
  };
}

/** C programs put rows twice: hints have no key there, and a log file is no part of it (D 7.7.5). */
function hintsAndActions({ named, text }: Pick<Parts, "named" | "text">) {
  const hint = `${named(1)} AND "recursive" = $2::integer`;
  const action = `${named(1)} AND command = ${text(2)} AND logfile = ${text(3)}`;
  const schedule: Statement = {
    purpose: "Add action to database",
    sql: `INSERT INTO action (filename, command, logfile) SELECT ${text(1)}, ${text(2)}, ` +
      `${text(3)} WHERE NOT EXISTS (SELECT 1 FROM action WHERE ${action})`,
  };
  return {
    hints: {
      purpose: "DB Dump - Hint",
      columns: [`"recursive"`, "filename"],
      rest: `FROM (SELECT DISTINCT "recursive", filename FROM hint) AS hints ` +
        `ORDER BY ${key("filename")}, "recursive"`,
    },
    addHint: {
      purpose: "Adding hint",
      sql: `INSERT INTO hint (filename, "recursive") SELECT ${text(1)}, $2::integer ` +
        `WHERE NOT EXISTS (SELECT 1 FROM hint WHERE ${hint})`,
    },
    deleteHint: { purpose: "Removing hint", sql: `DELETE FROM hint WHERE ${hint}` },
    actions: {
      purpose: "Get commands from action table",
      columns: ["filename", "command", "logfile"],
      rest: "FROM (SELECT min(csync3_place) AS place, filename, command, logfile FROM action " +
        "GROUP BY filename, command, logfile) AS actions ORDER BY place",
    },
    schedule: [schedule],
    deleteAction: [{ purpose: "Remove action entry", sql: `DELETE FROM action WHERE ${action}` }],
  };
}

function pinsAndIntents({ named, text }: Pick<Parts, "named" | "text">) {
  return {
    pin: {
      purpose: "Check x509 certs",
      columns: ["certdata"],
      rest: `FROM x509_cert WHERE peername = ${text(1)}`,
    },
    pins: {
      purpose: "List x509 certs",
      columns: ["peername", "certdata"],
      rest: `FROM x509_cert ORDER BY ${PEER}`,
    },
    addPin: {
      purpose: "Adding peer x509 certificate",
      sql: `INSERT INTO x509_cert (peername, certdata) VALUES (${text(1)}, ${text(2)}) ` +
        "ON CONFLICT DO NOTHING",
    },
    deletePin: {
      purpose: "Removing peer x509 certificate",
      sql: `DELETE FROM x509_cert WHERE peername = ${text(1)}`,
    },
    intents: {
      purpose: "Reading intents",
      columns: ["filename", "peername", "temp", "want"],
      rest: `FROM csync3_intent ORDER BY ${key("filename")}`,
    },
    putIntent: {
      purpose: "Writing intent",
      head: "INSERT INTO csync3_intent (filename, peername, temp, want) VALUES",
      row: `(${text()}, ${text()}, ${text()}, ${text()})`,
      tail: `ON CONFLICT (${NAME_INDEX}) ` +
        "DO UPDATE SET peername = excluded.peername, temp = excluded.temp, want = excluded.want",
      keys: [0],
    },
    deleteIntent: {
      purpose: "Removing intent",
      sql: `DELETE FROM csync3_intent WHERE ${named(1)}`,
    },
  };
}

const TOLD_COLUMNS = ["filename", "peername", "version", "relays", "outdated"];

function toldRows({ named, ofPeer, text }: Pick<Parts, "named" | "ofPeer" | "text">) {
  const changed = ["place", ...TOLD_COLUMNS.slice(2)].map((c) => `${c} = excluded.${c}`);
  return {
    toldOf: {
      purpose: "Reading what was told",
      columns: TOLD_COLUMNS,
      rest: `FROM csync3_told WHERE ${named(1)}`,
    },
    outdatedTold: {
      purpose: "Reading what was told",
      columns: TOLD_COLUMNS,
      rest: "FROM csync3_told WHERE outdated = 1 ORDER BY place",
    },
    putTold: {
      purpose: "Writing what was told",
      head: `INSERT INTO csync3_told (${TOLD_COLUMNS.join(", ")}) VALUES`,
      row: `(${text()}, ${text()}, ${text()}, ?::integer, ?::integer)`,
      tail: `ON CONFLICT (${NAME_INDEX}, ${PEER}) DO UPDATE SET ${changed.join(", ")}`,
      keys: [0, 1],
    },
    deleteTold: {
      purpose: "Removing what was told",
      sql: `DELETE FROM csync3_told WHERE ${named(1)} AND ${ofPeer(2)}`,
    },
    trimTold: {
      purpose: "Removing what was told",
      sql: "DELETE FROM csync3_told WHERE place <= " +
        `(SELECT max(place) - ${TOLD_ROWS} FROM csync3_told)`,
    },
  };
}

function rootsAndNotes({ named, text }: Pick<Parts, "named" | "text">) {
  return {
    roots: {
      purpose: "Reading roots",
      columns: ["filename", "kind", "place"],
      rest: `FROM csync3_root ORDER BY ${key("filename")}`,
    },
    putRoot: {
      purpose: "Writing root",
      sql: "INSERT INTO csync3_root (filename, kind, place) " +
        `VALUES (${text(1)}, ${text(2)}, ${text(3)}) ON CONFLICT (${NAME_INDEX}) ` +
        "DO UPDATE SET kind = excluded.kind, place = excluded.place",
    },
    deleteRoot: {
      purpose: "Removing root",
      sql: `DELETE FROM csync3_root WHERE ${named(1)}`,
    },
    note: {
      purpose: "Reading note",
      columns: ["value"],
      rest: `FROM csync3_note WHERE name = ${text(1)}`,
    },
    putNote: {
      purpose: "Writing note",
      sql: `INSERT INTO csync3_note (name, value) VALUES (${text(1)}, ${text(2)}) ` +
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    },
    timeSamples: {
      purpose: "DB Dump - File",
      columns: ["checktxt"],
      rest: "FROM (SELECT checktxt FROM file LIMIT 20000) AS samples " +
        "WHERE substr(checktxt, 1, 11) = 'v1%3Amtime=' LIMIT 100",
    },
  };
}
