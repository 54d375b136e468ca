import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openState } from "./mod.ts";

const WRITER = decodeURIComponent(
  new URL("../../tests/support/programs/state_writer.ts", import.meta.url).pathname,
);

function writer(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--quiet", WRITER, ...args],
    stdout: "piped",
    stderr: "piped",
  });
}

/** Every name has one record and two marks, or nothing at all. */
function assertWhole(dir: string): number {
  const db = new DatabaseSync(`${dir}/a.demo.db3`);
  try {
    const one = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0]);
    const records = one("SELECT count(*) FROM file");
    assert.equal(one("SELECT count(*) FROM dirty"), 2 * records);
    assert.equal(
      one("SELECT count(*) FROM dirty LEFT JOIN file USING (filename) WHERE checktxt IS NULL"),
      0,
    );
    assert.equal(one("SELECT count(DISTINCT rowid) FROM dirty"), 2 * records);
    assert.deepEqual(Object.values(db.prepare("PRAGMA integrity_check").get() ?? {}), ["ok"]);
    return records;
  } finally {
    db.close();
  }
}

Deno.test("D 7.6.11 several processes write to one database, and none is turned away", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    // All of them also make the database: it does not exist yet.
    const ids = ["p", "q", "r", "s"];
    const ends = await Promise.all(ids.map((id) => writer(dir, id, "2").output()));
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    const counts = ends.map(({ success, stdout, stderr }) => {
      assert.ok(success, text(stderr));
      return Number(text(stdout));
    });
    for (const count of counts) assert.ok(count > 10, `starved: ${counts}`);
    assert.equal(assertWhole(dir), counts.reduce((sum, n) => sum + n, 0));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("D 7.5.4 a process killed within a transaction leaves nothing of it, and no lock", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const child = writer(dir, "k", "60", "hang").spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value).trim(), "hanging");
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await child.stderr.cancel();
    await using store = await openState({
      database: dir,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 1,
      defaultDir: dir,
    });
    await store.transaction((tx) => tx.addHint({ path: "/" as never, recursive: true }));
    assert.equal(assertWhole(dir), 20);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
