/** The value of `-D` or of the `database` statement -> which database is meant (D 5.1). Pure. */

export interface DatabaseValue {
  /** Byte string; undefined or empty: the default directory. */
  readonly database: string | undefined;
  readonly hostName: string;
  /** `-C`, or empty. */
  readonly configName: string;
  readonly defaultDir: string;
}

export interface SqliteTarget {
  readonly kind: "sqlite";
  /** Complete value for messages: `sqlite3:///var/lib/csync2/a.demo.db3`. */
  readonly label: string;
  /** Byte string, perhaps relative. */
  readonly path: string;
  /** File name to use when `path` is an existing directory; undefined when `path` is the file itself. */
  readonly fileInDirectory: string | undefined;
  /** Who uses it: host and configuration name as in the name of a default file. */
  readonly user: string;
}

/** A database that cannot be opened by this program. */
export interface OtherTarget {
  readonly kind: "mysql" | "pgsql" | "sqlite2" | "unknown";
  /** Without password. */
  readonly label: string;
}

const URL_REGEXP = /^(.*?):\/\/(.*)$/s;

export function databaseTarget(value: DatabaseValue): SqliteTarget | OtherTarget {
  const { hostName, configName, defaultDir } = value;
  const user = `${hostName.toLowerCase()}${configName === "" ? "" : `_${configName}`}`;
  const file = `${user}.db3`;
  const database = value.database || defaultDir;
  if (database.startsWith("/")) {
    const path = `${database}/${file}`;
    return { kind: "sqlite", label: `sqlite3://${path}`, path, fileInDirectory: undefined, user };
  }
  const [, scheme, rest] = URL_REGEXP.exec(database) ?? ["", "sqlite3", database];
  const label = withoutPassword(database);
  switch (scheme) {
    case "sqlite":
    case "sqlite3":
      return { kind: "sqlite", label, path: rest ?? "", fileInDirectory: file, user };
    case "sqlite2":
    case "mysql":
    case "pgsql":
      return { kind: scheme, label };
    default:
      return { kind: "unknown", label };
  }
}

/** `X://USER:PASS@HOST/DB` -> `X://USER:***@HOST/DB` (D 7.4.15). */
function withoutPassword(database: string): string {
  return database.replace(/^([^/]*:\/\/[^:/@]*):.*@/s, "$1:***@");
}
