/** Every SQL text for MySQL and MariaDB: the schema of csync2, our own part, the statements of the store. */
import { TOLD_ROWS } from "./store.ts";
import type { Query, Schema, SchemaStep, Statement, Statements, Table } from "./sql_connection.ts";

const ENGINE = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC";

/**
 * D 5.2, in the C program's order. Its texts are bytes here (`TEXT` without a character set), so that
 * names which differ only in case are two (D 7.6.2), and `recursive` is quoted (D 7.6.1).
 */
const TABLES: readonly Table[] = [
  table(
    "action",
    "filename BLOB NOT NULL, command BLOB NOT NULL, logfile BLOB NOT NULL, " +
      "KEY filename (filename(255)), KEY command (command(255))",
  ),
  table(
    "dirty",
    "filename BLOB NOT NULL, forced INTEGER NOT NULL, myname BLOB NOT NULL, " +
      "peername BLOB NOT NULL, KEY filename (filename(255)), KEY dirty_host (peername(255))",
  ),
  table(
    "file",
    "filename BLOB NOT NULL, checktxt BLOB NOT NULL, KEY filename (filename(255))",
  ),
  table("hint", "filename BLOB NOT NULL, `recursive` INTEGER NOT NULL"),
  table(
    "x509_cert",
    "peername BLOB NOT NULL, certdata BLOB NOT NULL, KEY peername (peername(255))",
  ),
];

function table(name: string, columns: string): Table {
  const purpose = `Creating ${name} table`;
  return { name, create: { purpose, sql: `CREATE TABLE ${name} (${columns}) ${ENGINE}` } };
}

/** Bytes of a name, and of a peer, that the indexes order by. LIMIT: InnoDB's keys have 3,072 bytes. */
export const HEAD_BYTES = 2_200;
const PEER_BYTES = 800;

/** What the indexes have of a name, and what tells names with the same head apart. */
const HEAD = `VARBINARY(${HEAD_BYTES}) AS (LEFT(filename, ${HEAD_BYTES})) STORED`;
const TAIL = "VARBINARY(32) AS " +
  `(IF(LENGTH(filename) > ${HEAD_BYTES}, UNHEX(SHA2(filename, 256)), '')) STORED`;
const PEER = `VARBINARY(${PEER_BYTES}) AS (LEFT(peername, ${PEER_BYTES})) STORED`;
const NUMBER = "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY";
const NAME_COLUMNS = `csync3_head ${HEAD}, csync3_tail ${TAIL}`;

/**
 * Tables of the C program have the server's character set; its library talks UTF-8, so that is what the
 * bytes are. Columns of our own are made by the server, also for rows that a C program inserts: a mark
 * of its own has a generation that never was.
 */
const MIGRATION: readonly SchemaStep[] = [
  own("csync3_note", "(name VARBINARY(64) PRIMARY KEY, value BLOB NOT NULL)"),
  own(
    "csync3_intent",
    "(filename BLOB NOT NULL, peername BLOB NOT NULL, temp BLOB NOT NULL, want BLOB NOT NULL, " +
      `${NAME_COLUMNS}, UNIQUE KEY csync3_name (csync3_head, csync3_tail))`,
  ),
  own(
    "csync3_root",
    "(filename BLOB NOT NULL, kind BLOB NOT NULL, place BLOB NOT NULL, " +
      `${NAME_COLUMNS}, UNIQUE KEY csync3_name (csync3_head, csync3_tail))`,
  ),
  ...bytes("action", ["filename", "command", "logfile"]),
  ...bytes("dirty", ["filename", "myname", "peername"]),
  ...bytes("file", ["filename", "checktxt"]),
  ...bytes("hint", ["filename"]),
  ...bytes("x509_cert", ["peername", "certdata"]),
  columns("action.csync3_place", `ADD COLUMN csync3_place ${NUMBER}, ${named("KEY")}`),
  columns("hint.csync3_head", named("KEY")),
  columns("file.csync3_number", `ADD COLUMN csync3_number ${NUMBER}`),
  once("file", "csync3_number", "older.filename = newer.filename"),
  columns("file.csync3_head", named("UNIQUE KEY")),
  columns("dirty.csync3_generation", `ADD COLUMN csync3_generation ${NUMBER}`),
  once(
    "dirty",
    "csync3_generation",
    "older.filename = newer.filename AND older.peername = newer.peername",
  ),
  columns(
    "dirty.csync3_head",
    `ADD COLUMN csync3_peer ${PEER}, ${named("UNIQUE KEY", ", csync3_peer")}`,
  ),
];

const TOLD_MIGRATION: readonly SchemaStep[] = [
  own(
    "csync3_told",
    `(place ${NUMBER}, filename BLOB NOT NULL, peername BLOB NOT NULL, version BLOB NOT NULL, ` +
      `relays INTEGER NOT NULL, outdated INTEGER NOT NULL, ${NAME_COLUMNS}, csync3_peer ${PEER}, ` +
      "UNIQUE KEY csync3_name (csync3_head, csync3_tail, csync3_peer), " +
      "KEY csync3_outdated (outdated, place))",
  ),
  { purpose: "Removing old notes", sql: "DELETE FROM csync3_note WHERE name LIKE 'told/%'" },
];

function own(makes: string, definition: string): SchemaStep {
  return {
    purpose: "Creating own tables",
    sql: `CREATE TABLE ${makes} ${definition} ${ENGINE}`,
    makes,
  };
}

function columns(makes: string, change: string): SchemaStep {
  return {
    purpose: "Adding own columns",
    sql: `ALTER TABLE ${makes.split(".")[0]} ${change}`,
    makes,
  };
}

function named(kind: "KEY" | "UNIQUE KEY", more = ""): string {
  return `ADD COLUMN csync3_head ${HEAD}, ADD COLUMN csync3_tail ${TAIL}, ` +
    `ADD ${kind} csync3_name (csync3_head, csync3_tail${more})`;
}

function bytes(of: string, names: readonly string[]): SchemaStep[] {
  const change = (type: string): SchemaStep => ({
    purpose: "Storing texts as bytes",
    sql: `ALTER TABLE ${of} ${names.map((name) => `MODIFY ${name} ${type} NOT NULL`).join(", ")}`,
    changes: `${of}.${names[0]}:text`,
  });
  return [change("TEXT CHARACTER SET utf8mb4"), change("BLOB")];
}

/** Two C programs at once can leave a row twice; the newer one holds. */
function once(of: string, number: string, condition: string): SchemaStep {
  const sql = `DELETE older FROM ${of} AS older JOIN ${of} AS newer ON ${condition} ` +
    `AND older.${number} < newer.${number}`;
  return { purpose: "Removing double rows", sql, changes: `${of}.filename` };
}

const TOLD_COLUMNS = ["filename", "peername", "version", "relays", "outdated"];

const SCHEMA = "table_schema = DATABASE()";

/** Tables; `table.column`, and with `:type` behind it. */
const OBJECTS: Query = {
  purpose: "Reading schema",
  columns: ["name"],
  rest:
    `FROM (SELECT table_name AS name FROM information_schema.tables WHERE ${SCHEMA} UNION ALL ` +
    "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns " +
    `WHERE ${SCHEMA} UNION ALL ` +
    "SELECT CONCAT(table_name, '.', column_name, ':', data_type) FROM information_schema.columns " +
    `WHERE ${SCHEMA}) AS objects`,
};

export const MYSQL_SCHEMA: Schema = {
  objects: OBJECTS,
  tables: TABLES,
  own: [...MIGRATION, ...TOLD_MIGRATION].flatMap(({ makes }) => makes === undefined ? [] : [makes]),
  migrations: [MIGRATION, TOLD_MIGRATION],
};

/** Settings of every connection. */
export const MYSQL_SETTINGS = [
  "SET NAMES binary",
  "SET SESSION autocommit = 1",
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES'",
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  // A longer name would be ordered by its beginning only.
  "SET SESSION max_sort_length = 16384",
  "SET SESSION sort_buffer_size = 4194304",
  // How long a C program's locks are waited for: its transactions last up to 10 s.
  "SET SESSION innodb_lock_wait_timeout = 15",
  "SET SESSION lock_wait_timeout = 15",
].join("; ");

/** One name: by the index, then by all of its bytes. */
function isNamed(n: number): string {
  return `csync3_head = LEFT($${n}, ${HEAD_BYTES}) AND filename = $${n}`;
}

function inRange(from: number, before: number): string {
  return `csync3_head >= LEFT($${from}, ${HEAD_BYTES}) AND ` +
    `csync3_head <= LEFT($${before}, ${HEAD_BYTES}) AND filename < $${before}`;
}

function page(order: "ASC" | "DESC"): [Query, Query] {
  const condition = `${inRange(1, 2)} AND filename >= $1`;
  const query = (rest: string): Query => ({
    purpose: "DB Dump - File",
    columns: ["filename", "checktxt"],
    rest,
    isPage: true,
  });
  return [
    query(
      `FROM file FORCE INDEX (csync3_name) WHERE ${condition} ` +
        `ORDER BY csync3_head ${order}, csync3_tail ${order} LIMIT $3`,
    ),
    query(`FROM file WHERE ${condition} ORDER BY filename ${order} LIMIT $3`),
  ];
}

function dirtyPage(condition = ""): [Query, Query] {
  const all = `${inRange(1, 3)} AND ` +
    `(filename > $1 OR (filename = $1 AND peername > $2))${condition}`;
  const query = (rest: string): Query => ({
    purpose: "DB Dump - Dirty",
    columns: ["csync3_generation", "forced", "myname", "peername", "filename"],
    rest,
    isPage: true,
  });
  return [
    query(
      `FROM dirty FORCE INDEX (csync3_name) WHERE ${all} ` +
        "ORDER BY csync3_head, csync3_tail, csync3_peer LIMIT $4",
    ),
    query(`FROM dirty WHERE ${all} ORDER BY filename, peername LIMIT $4`),
  ];
}

const PAGES = [page("ASC"), page("DESC"), dirtyPage(), dirtyPage(" AND peername = $5")] as const;
const [ASCENDING, DESCENDING, DIRTY, DIRTY_OF_PEER] = PAGES;

/**
 * The index has the heads of names in order, and only them. Where a page has a name that is longer, this
 * query, which sorts the whole range, has it in the right place.
 */
export const EXACT_PAGES: ReadonlyMap<Query, Query> = new Map(PAGES);

const HINT = `${isNamed(1)} AND \`recursive\` = $2`;
const ACTION = `${isNamed(1)} AND command = $2 AND logfile = $3`;
const SCHEDULE: Statement = {
  purpose: "Add action to database",
  sql: "INSERT INTO action (filename, command, logfile) SELECT $1, $2, $3 FROM DUAL " +
    `WHERE NOT EXISTS (SELECT 1 FROM action WHERE ${ACTION})`,
};

/** The statements for MySQL and MariaDB; `$n` is the nth value, as often as it is needed. */
export const MYSQL: Statements = {
  record: {
    purpose: "Checking file",
    columns: ["checktxt"],
    rest: `FROM file WHERE ${isNamed(1)}`,
  },
  recordsAscending: ASCENDING[0],
  recordsDescending: DESCENDING[0],
  putRecord: {
    purpose: "Adding or updating file entry",
    head: "INSERT INTO file (filename, checktxt) VALUES",
    row: "(?, ?)",
    tail: "ON DUPLICATE KEY UPDATE checktxt = VALUES(checktxt)",
  },
  deleteRecord: { purpose: "Removing file from DB", sql: `DELETE FROM file WHERE ${isNamed(1)}` },

  dirtyPeers: {
    purpose: "Get hosts from dirty db",
    columns: ["peername"],
    rest: "FROM (SELECT DISTINCT peername FROM dirty) AS peers ORDER BY peername DESC",
  },
  dirtyRows: DIRTY[0],
  dirtyRowsOfPeer: DIRTY_OF_PEER[0],
  // A row that is there is replaced, so that it gets a new number.
  mark: {
    purpose: "Marking file as dirty",
    head: "REPLACE INTO dirty (filename, forced, myname, peername) " +
      "SELECT n.f, GREATEST(n.forced, COALESCE(old.forced, 0)), n.m, n.p FROM (",
    row: "SELECT ? AS f, ? AS forced, ? AS m, ? AS p",
    between: " UNION ALL ",
    tail: `) AS n LEFT JOIN dirty AS old ON old.csync3_head = LEFT(n.f, ${HEAD_BYTES}) ` +
      "AND old.filename = n.f AND old.peername = n.p",
    keys: [0, 3],
  },
  isDirty: {
    purpose: "Checking dirty",
    columns: ["1"],
    rest: `FROM dirty WHERE ${isNamed(1)} LIMIT 1`,
  },
  peersOf: {
    purpose: "Checking dirty",
    columns: ["peername"],
    rest: `FROM dirty WHERE ${isNamed(1)}`,
  },
  settle: {
    purpose: "Removing dirty entry",
    sql: `DELETE FROM dirty WHERE ${isNamed(1)} AND peername = $2 AND csync3_generation = $3`,
  },
  clearMarks: { purpose: "Clearing dirty marks", sql: `DELETE FROM dirty WHERE ${isNamed(1)}` },
  clearMarksOfPeer: {
    purpose: "Clearing dirty marks",
    sql: `DELETE FROM dirty WHERE ${isNamed(1)} AND peername = $2`,
  },
  force: {
    purpose: "Forcing dirty marks",
    sql: `UPDATE dirty SET forced = 1 WHERE ${inRange(1, 2)} AND filename >= $1`,
  },

  // C programs put rows twice: there is no unique key on these two.
  hints: {
    purpose: "DB Dump - Hint",
    columns: ["`recursive`", "filename"],
    rest: "FROM (SELECT DISTINCT `recursive`, filename FROM hint) AS hints " +
      "ORDER BY filename, `recursive`",
  },
  addHint: {
    purpose: "Adding hint",
    sql: "INSERT INTO hint (filename, `recursive`) SELECT $1, $2 FROM DUAL " +
      `WHERE NOT EXISTS (SELECT 1 FROM hint WHERE ${HINT})`,
  },
  deleteHint: { purpose: "Removing hint", sql: `DELETE FROM hint WHERE ${HINT}` },
  actions: {
    purpose: "Get commands from action table",
    columns: ["filename", "command", "logfile"],
    rest: "FROM action AS a WHERE NOT EXISTS (SELECT 1 FROM action AS b " +
      "WHERE b.csync3_head = a.csync3_head AND b.filename = a.filename AND " +
      "b.command = a.command AND b.logfile = a.logfile AND b.csync3_place < a.csync3_place) " +
      "ORDER BY csync3_place",
  },
  schedule: [SCHEDULE],
  deleteAction: [{ purpose: "Remove action entry", sql: `DELETE FROM action WHERE ${ACTION}` }],

  pin: {
    purpose: "Check x509 certs",
    columns: ["certdata"],
    rest: "FROM x509_cert WHERE peername = $1",
  },
  pins: {
    purpose: "List x509 certs",
    columns: ["peername", "certdata"],
    rest: "FROM x509_cert ORDER BY peername",
  },
  addPin: {
    purpose: "Adding peer x509 certificate",
    sql: "INSERT INTO x509_cert (peername, certdata) SELECT $1, $2 FROM DUAL " +
      "WHERE NOT EXISTS (SELECT 1 FROM x509_cert WHERE peername = $1)",
  },
  deletePin: {
    purpose: "Removing peer x509 certificate",
    sql: "DELETE FROM x509_cert WHERE peername = $1",
  },

  intents: {
    purpose: "Reading intents",
    columns: ["filename", "peername", "temp", "want"],
    rest: "FROM csync3_intent ORDER BY filename",
  },
  putIntent: {
    purpose: "Writing intent",
    head: "REPLACE INTO csync3_intent (filename, peername, temp, want) VALUES",
    row: "(?, ?, ?, ?)",
    tail: "",
  },
  deleteIntent: {
    purpose: "Removing intent",
    sql: `DELETE FROM csync3_intent WHERE ${isNamed(1)}`,
  },
  toldOf: {
    purpose: "Reading what was told",
    columns: TOLD_COLUMNS,
    rest: `FROM csync3_told WHERE ${isNamed(1)}`,
  },
  outdatedTold: {
    purpose: "Reading what was told",
    columns: TOLD_COLUMNS,
    rest: "FROM csync3_told WHERE outdated = 1 ORDER BY place",
  },
  putTold: {
    purpose: "Writing what was told",
    head: `REPLACE INTO csync3_told (${TOLD_COLUMNS.join(", ")}) VALUES`,
    row: "(?, ?, ?, ?, ?)",
    tail: "",
  },
  deleteTold: {
    purpose: "Removing what was told",
    sql: `DELETE FROM csync3_told WHERE ${isNamed(1)} AND peername = $2`,
  },
  trimTold: {
    purpose: "Removing what was told",
    sql: "DELETE FROM csync3_told WHERE place <= (SELECT place FROM " +
      `(SELECT MAX(place) - ${TOLD_ROWS} AS place FROM csync3_told) AS newest)`,
  },

  roots: {
    purpose: "Reading roots",
    columns: ["filename", "kind", "place"],
    rest: "FROM csync3_root ORDER BY filename",
  },
  putRoot: {
    purpose: "Writing root",
    sql: "REPLACE INTO csync3_root (filename, kind, place) VALUES ($1, $2, $3)",
  },
  deleteRoot: {
    purpose: "Removing root",
    sql: `DELETE FROM csync3_root WHERE ${isNamed(1)}`,
  },

  note: {
    purpose: "Reading note",
    columns: ["value"],
    rest: "FROM csync3_note WHERE name = $1",
  },
  putNote: {
    purpose: "Writing note",
    sql: "REPLACE INTO csync3_note (name, value) VALUES ($1, $2)",
  },
  timeSamples: {
    purpose: "DB Dump - File",
    columns: ["checktxt"],
    rest: "FROM (SELECT checktxt FROM file LIMIT 20000) AS samples " +
      "WHERE LEFT(checktxt, 11) = 'v1%3Amtime=' LIMIT 100",
  },
};
