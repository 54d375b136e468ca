import assert from "node:assert/strict";
import { SqliteConnection } from "./sqlite.ts";

/** What SQLite calls 0, 1 and 2: OFF, NORMAL, FULL. */
function level(path: string, { synchronous, log }: { synchronous: boolean; log: boolean }): string {
  const connection = new SqliteConnection({ path, label: path, synchronous });
  try {
    connection.prepareFor("write");
    if (log) connection.useLog();
    const query = { purpose: "test", columns: ["synchronous"], rest: "FROM pragma_synchronous" };
    return connection.select(query, [])[0]![0]!;
  } finally {
    connection.close();
  }
}

Deno.test("a database waits for the disk unless -A is given, with a log and without", async () => {
  const dir = await Deno.makeTempDir();
  try {
    assert.equal(level(`${dir}/a`, { synchronous: true, log: false }), "2");
    assert.equal(level(`${dir}/a`, { synchronous: true, log: true }), "1");
    for (const log of [true, false]) {
      assert.equal(level(`${dir}/b`, { synchronous: false, log }), "0");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
