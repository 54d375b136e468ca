/** The value of `-D` or of the `database` statement -> which database is meant (D 5.1). Pure. */
import { percentDecode } from "../model/mod.ts";

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

/** How a connection to a server is protected; the words are those of PostgreSQL's `sslmode`. */
export type TlsMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

const TLS_MODES: readonly string[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/** A database on a server. Byte strings, as typed. */
export interface ServerTarget {
  readonly kind: "mysql" | "pgsql";
  /** Without password. */
  readonly label: string;
  /** Name or address, without brackets; undefined when it is not given. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** Unix socket, or the directory that PostgreSQL's is in; used in place of host and port. */
  readonly socket: string | undefined;
  readonly userName: string | undefined;
  readonly password: string | undefined;
  /** Its first line is the password. */
  readonly passwordFile: string | undefined;
  readonly tls: TlsMode;
  /** Certificates that the server's is checked against; undefined: those of the system. */
  readonly rootCertFile: string | undefined;
  /** Name of the database: letters, digits and `_`. */
  readonly database: string;
  readonly user: string;
}

/** A database that cannot be opened by this program. */
export interface OtherTarget {
  readonly kind: "sqlite2" | "unknown" | "malformed";
  /** Without password. */
  readonly label: string;
  /** What is wrong with a malformed one. */
  readonly why?: string;
}

const URL_REGEXP = /^(.*?):\/\/(.*)$/s;
/** HOST, `[ADDRESS]`, each with :PORT; /DB; ?OPTIONS. */
const SERVER_REGEXP = /^(?:\[([^\]]*)\]|([^:/?@\[\]]*))(?::(\d*))?(?:\/([^?]*))?(?:\?(.*))?$/s;
const OPTIONS: readonly string[] = ["sslmode", "sslrootcert", "socket", "password-file"];

export function databaseTarget(value: DatabaseValue): SqliteTarget | ServerTarget | OtherTarget {
  const { hostName, configName, defaultDir } = value;
  const user = `${hostName.toLowerCase()}${configName === "" ? "" : `_${configName}`}`;
  const file = `${user}.db3`;
  const database = value.database || defaultDir;
  if (database.startsWith("/")) {
    const path = `${database}/${file}`;
    return { kind: "sqlite", label: `sqlite3://${path}`, path, fileInDirectory: undefined, user };
  }
  const [, scheme, rest = ""] = URL_REGEXP.exec(database) ?? ["", "sqlite3", database];
  const label = withoutPassword(database);
  switch (scheme) {
    case "sqlite":
    case "sqlite3":
      return { kind: "sqlite", label, path: rest, fileInDirectory: file, user };
    case "sqlite2":
      return { kind: scheme, label };
    case "mysql":
    case "mariadb":
      return serverTarget(rest, { kind: "mysql", label, user });
    case "pgsql":
      return serverTarget(rest, { kind: "pgsql", label, user });
    default:
      return { kind: "unknown", label };
  }
}

/**
 * `[USER[:PASSWORD]@]HOST[:PORT]/[DB][?OPTIONS]`. User and password are taken as they are and end at
 * the last `@`, so that a password may have any characters (the C program ends it at the first `@`,
 * `:` or `/`, which no working value of its own has); options are percent-decoded.
 */
function serverTarget(
  rest: string,
  { kind, label, user }: Pick<ServerTarget, "kind" | "label" | "user">,
): ServerTarget | OtherTarget {
  const at = rest.lastIndexOf("@");
  const [, address, name, port, database, query] = SERVER_REGEXP.exec(rest.slice(at + 1)) ?? [];
  if (address === undefined && name === undefined) {
    return malformed(label, "it is not of the form X://USER:PASSWORD@HOST:PORT/DATABASE");
  }
  const options = new Map((query ?? "").split("&").filter((word) => word !== "").map(option));
  const strange = [...options.keys()].find((key) => !OPTIONS.includes(key));
  if (strange !== undefined) {
    return malformed(label, `unknown option "${strange}", known are ${OPTIONS.join(", ")}`);
  }
  const [empty] = [...options].find(([, text]) => text === "") ?? [];
  if (empty !== undefined) return malformed(label, `option "${empty}" has no value`);
  const tls = options.get("sslmode") ?? "prefer";
  if (!TLS_MODES.includes(tls)) {
    return malformed(label, `sslmode is one of ${TLS_MODES.join(", ")}`);
  }
  if (Number(port ?? 0) > 65_535) return malformed(label, "a port is at most 65535");
  const [, userName, password] = /^([^:]*)(?::(.*))?$/s.exec(rest.slice(0, Math.max(at, 0))) ?? [];
  return {
    kind,
    label,
    host: address || name || undefined,
    port: port ? Number(port) : undefined,
    socket: options.get("socket"),
    userName: userName || undefined,
    password,
    passwordFile: options.get("password-file"),
    tls: tls as TlsMode,
    rootCertFile: options.get("sslrootcert"),
    database: (database || `csync2_${user}`).replace(/[^A-Za-z0-9_]/g, "_"),
    user,
  };
}

function option(word: string): [string, string] {
  const equals = `${word}=`.indexOf("=");
  return [word.slice(0, equals), percentDecode(word.slice(equals + 1))];
}

function malformed(label: string, why: string): OtherTarget {
  return { kind: "malformed", label, why };
}

/**
 * `X://USER:PASS@HOST/DB` -> `X://USER:***@HOST/DB` (D 7.4.15). What is meant as a password is none the
 * less secret when the rest is wrong: a slash or the `@` is missing, or it is given as an option.
 */
function withoutPassword(database: string): string {
  const shown = database
    .replace(/^([^/]*:\/+[^:@]*):.*@/s, "$1:***@")
    .replace(/([?&]pass(?:word|wd)?=)[^&]*/g, "$1***");
  if (shown.startsWith("sqlite") || shown.includes("@")) return shown;
  return shown.replace(/^([^/]*:\/\/[^:/?[]*):(?!\d*(?:[/?]|$))[^/?]*/s, "$1:***");
}
