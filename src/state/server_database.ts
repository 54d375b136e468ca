/** A database on a server, of whichever kind: opened, made where it is missing, and opened again. */
import { KeptConnection, type ServerLink } from "./kept_connection.ts";
import { cannotOpen, type Login, type OpenServerOptions } from "./server_login.ts";
import { type Schema, type SqlDatabase, SqlError, type Statements } from "./sql_connection.ts";

export interface LinkOptions extends OpenServerOptions {
  /** `create`: of the server as a whole, to make a database. */
  readonly use: "write" | "read" | "create";
}

/** A connection that can make databases while it was opened to `create`. */
export interface DatabaseLink extends ServerLink {
  create(name: string): Promise<void>;
  close(): Promise<void>;
}

/** What a kind of server has of its own. */
export interface ServerKind<Link extends DatabaseLink> {
  /** What the login asks for is reached, or the driver's error thrown. */
  readonly open: (login: Login, options: LinkOptions) => Promise<Link>;
  readonly isMissing: (error: unknown) => boolean;
  /** The error in one line, with what to do. */
  readonly adviceFor: (error: unknown, login: Login) => string;
  readonly schema: Schema;
  readonly statementsFor: (link: Link) => Statements;
}

/** Opens the database, and makes it where it is missing. @throws StateError `state/open` */
export async function openDatabase<Link extends DatabaseLink>(
  kind: ServerKind<Link>,
  login: Login,
  options: OpenServerOptions,
): Promise<{ database: SqlDatabase; writer: KeptConnection }> {
  const first = await openOrCreate(kind, login, options);
  const again = async (use: "write" | "read"): Promise<Link> => {
    try {
      return await kind.open(login, { use, ...options });
    } catch (error) {
      const { line } = cannotOpen(login, kind.adviceFor(error, login));
      throw new SqlError("away", line, error);
    }
  };
  const keep = (link: Link, use: "write" | "read") =>
    new KeptConnection(link, { open: () => again(use) });
  const database: SqlDatabase = {
    label: login.target.label,
    statements: kind.statementsFor(first),
    schema: kind.schema,
    connect: async (use) => keep(await again(use), use),
  };
  return { database, writer: keep(first, "write") };
}

async function openOrCreate<Link extends DatabaseLink>(
  { open, isMissing, adviceFor }: ServerKind<Link>,
  login: Login,
  options: OpenServerOptions,
): Promise<Link> {
  const openIt = () => open(login, { use: "write", ...options });
  try {
    return await openIt();
  } catch (error) {
    if (!isMissing(error)) throw cannotOpen(login, adviceFor(error, login), error);
  }
  const name = login.target.database;
  options.onNote?.(1, `Database ${name} not found, trying to create it ...`);
  try {
    const other = await open(login, { use: "create", ...options });
    try {
      await other.create(name);
    } finally {
      await other.close();
    }
    return await openIt();
  } catch (error) {
    const why = `${name} does not exist, and could not be made: ${adviceFor(error, login)}`;
    throw cannotOpen(login, why, error);
  }
}
