/** Completes the tables of a database, and finds out what kind of times it holds. */
import { parseCheckText, percentDecode } from "../model/mod.ts";
import type {
  SchemaStep,
  SqlConnection,
  SqlDatabase,
  Statement,
  Statements,
} from "./sql_connection.ts";
import { StateError } from "./state_error.ts";

type Dialect = Pick<SqlDatabase, "schema" | "statements">;

/**
 * Creates what is missing, in one transaction (D 7.6.7). Nothing is written to a complete database.
 * May be called again after a failure.
 *
 * @returns whether csync2's own tables had to be made
 * @throws SqlError, StateError for a database of a newer version
 */
export async function prepareSchema(db: SqlConnection, dialect: Dialect): Promise<boolean> {
  const { schema: { tables, migrations }, statements: sql } = dialect;
  if ((await missing(db, dialect)).length === 0) return false;
  await db.begin();
  try {
    // Look again: another process may have been faster.
    const statements = await missing(db, dialect);
    for (const statement of statements) await db.run(statement, []);
    await db.run(sql.putNote, ["schema", String(migrations.length)]);
    await db.commit();
    return statements.some(({ sql }) => sql === tables[0]?.create.sql);
  } catch (error) {
    await rollBack(db);
    throw error;
  }
}

async function missing(
  db: SqlConnection,
  { schema, statements: sql }: Dialect,
): Promise<readonly Statement[]> {
  const there = new Set((await db.select(schema.objects, [])).map(([name]) => name));
  const tables = schema.tables.filter(({ name }) => !there.has(name)).map(({ create }) => create);
  const [[version = "0"] = []] = there.has("csync3_note")
    ? await db.select(sql.note, ["schema"])
    : [];
  const newest = schema.migrations.length;
  if (Number(version) > newest) {
    throw new StateError("state/broken", {
      message: `Cannot use the database: its schema ${version} is newer than ${newest}`,
      advice: "a newer version of this program made it; use that one",
    });
  }
  const isComplete = Number(version) === newest && schema.own.every((name) => there.has(name));
  if (isComplete) return tables;
  const isNeeded = ({ makes, changes }: SchemaStep) =>
    (makes === undefined || !there.has(makes)) && (changes === undefined || there.has(changes));
  return [...tables, ...schema.migrations.flat().filter(isNeeded)];
}

async function rollBack(db: SqlConnection): Promise<void> {
  try {
    await db.rollback();
  } catch {
    // No transaction is open any more; the first error is the one to tell.
  }
}

/**
 * Unit of the times in table `file`: what most of some rows have. It is kept as a note, so that the
 * answer does not change when the rows are gone; without any rows it is open, and seconds for now.
 */
export async function timeUnit(db: SqlConnection, sql: Statements): Promise<"seconds" | "nanos"> {
  const [[known] = []] = await db.select(sql.note, ["time"]);
  if (known === "seconds" || known === "nanos") return known;
  const units = (await db.select(sql.timeSamples, []))
    .map(([text = ""]) => parseCheckText(percentDecode(text.split("\0", 1)[0] ?? ""))?.mtime?.unit)
    .filter((unit) => unit !== undefined);
  if (units.length === 0) return "seconds";
  const unit = 2 * units.filter((unit) => unit === "nanos").length > units.length
    ? "nanos"
    : "seconds";
  await db.run(sql.putNote, ["time", unit]);
  return unit;
}

/**
 * Remembers whose database it is.
 *
 * @returns the other user, when somebody else uses the same database (D 7.6.10)
 */
export async function otherUser(
  db: SqlConnection,
  { sql, user }: { sql: Statements; user: string },
): Promise<string | undefined> {
  const [[known] = []] = await db.select(sql.note, ["user"]);
  if (known === undefined) await db.run(sql.putNote, ["user", user]);
  return known === user ? undefined : known;
}
