import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { DbName, FileRecord } from "../model/mod.ts";
import { openState, type OpenStateOptions, StateError, type StateStore } from "./mod.ts";
import { retryBusy } from "./retry.ts";
import { SqlError } from "./sql_connection.ts";

const BUSY_TEXT = "Database backend is exceedingly busy => Terminating (requesting retry).";

/** A directory whose database a foreign program has open as well. */
class Shared implements Disposable {
  readonly dir = Deno.makeTempDirSync();
  readonly foreign = new DatabaseSync(`${this.dir}/a.demo.db3`);
  readonly notes: string[] = [];

  open(options: Partial<OpenStateOptions> = {}): Promise<StateStore> {
    return openState({
      database: this.dir,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 0,
      graceSeconds: 0.4,
      defaultDir: this.dir,
      onNote: (_level, text) => this.notes.push(text),
      ...options,
    });
  }

  /** The foreign program locks, does `during`, and lets go at once or after some time. */
  async whileLocked<T>(sql: string, during: () => Promise<T>, forMs?: number): Promise<T> {
    this.foreign.exec(sql);
    const timer = forMs === undefined ? undefined : setTimeout(() => this.unlock(), forMs);
    try {
      return await during();
    } finally {
      clearTimeout(timer);
      this.unlock();
    }
  }

  unlock(): void {
    if (this.foreign.isTransaction) this.foreign.exec("COMMIT");
  }

  journal(): unknown {
    this.foreign.prepare("SELECT count(*) FROM sqlite_master").get(); // looks at the file again
    return this.foreign.prepare("PRAGMA journal_mode").get()?.journal_mode;
  }

  [Symbol.dispose](): void {
    this.foreign.close();
    Deno.removeSync(this.dir, { recursive: true });
  }
}

function put(store: StateStore, name: string): Promise<void> {
  const record: FileRecord = { name: name as DbName, stored: "v1" };
  return store.transaction(async (tx) => await tx.putRecords([record]));
}

async function names(store: StateStore): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of store.records("ascending")) found.push(...batch.map((r) => r.name));
  return found;
}

function isBusy(error: unknown): boolean {
  assert.ok(error instanceof StateError, String(error));
  assert.equal(error.code, "state/busy");
  assert.equal(error.line, BUSY_TEXT);
  return true;
}

/** How often a timer of 1 ms gets its turn while `work` is waiting. */
async function ticksDuring(work: Promise<unknown>): Promise<number> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await Promise.allSettled([work]);
  clearInterval(timer);
  return ticks;
}

Deno.test("transaction() waits for another writer with a free event loop, then works", async () => {
  using shared = new Shared();
  await using store = await shared.open({ graceSeconds: 5 });
  const ticks = await shared.whileLocked("BEGIN IMMEDIATE", async () => {
    const waiting = put(store, "/a");
    return await ticksDuring(waiting);
  }, 200);
  assert.ok(ticks > 2, `only ${ticks} turns in 200 ms`);
  assert.deepEqual(await names(store), ["/a"]);
  assert.deepEqual(shared.notes.slice(-1), ["Database is busy, sleeping a sec."]);
});

Deno.test("transaction() gives up after the lock time-out with the C program's text, work not begun", async () => {
  using shared = new Shared();
  await using store = await shared.open();
  await shared.whileLocked("BEGIN IMMEDIATE", async () => {
    const start = performance.now();
    let calls = 0;
    await assert.rejects(store.transaction(() => void calls++), isBusy);
    const ms = performance.now() - start;
    assert.ok(ms >= 400, `${ms} ms`);
    assert.equal(calls, 0);
    // With a log, readers do not care.
    assert.deepEqual(await names(store), []);
  });
  await put(store, "/later");
  assert.deepEqual(await names(store), ["/later"]);
});

Deno.test("transaction() lets the others have their turn after one gave up", async () => {
  using shared = new Shared();
  await using store = await shared.open();
  await shared.whileLocked("BEGIN IMMEDIATE", async () => {
    await assert.rejects(put(store, "/a"), isBusy);
    const second = put(store, "/b");
    shared.unlock();
    await second;
  });
  assert.deepEqual(await names(store), ["/b"]);
});

Deno.test("openState() waits for the lock time-out, as golden locked_database does", async () => {
  using shared = new Shared();
  await shared.whileLocked("BEGIN EXCLUSIVE", async () => {
    const start = performance.now();
    await assert.rejects(shared.open({ lockTimeoutSeconds: 1, graceSeconds: 0.1 }), isBusy);
    const ms = performance.now() - start;
    assert.ok(ms >= 1_100, `${ms} ms`);
  });
  assert.ok(shared.notes.includes("Database is busy, sleeping a sec."));
  await (await shared.open())[Symbol.asyncDispose]();
});

Deno.test("openState() goes on without a log while another program is reading, and has one from the next transaction on", async () => {
  using shared = new Shared();
  await (await shared.open())[Symbol.asyncDispose]();
  shared.foreign.exec("PRAGMA journal_mode = DELETE");
  shared.foreign.exec("INSERT INTO file VALUES ('/x', 'v1')");
  await shared.whileLocked("BEGIN; SELECT * FROM file", async () => {
    shared.foreign.prepare("SELECT * FROM file").all(); // holds the read lock
    await using store = await shared.open();
    assert.equal(shared.journal(), "delete");
    assert.deepEqual(await names(store), ["/x"]);
    // A writer has to wait for the reader, and our own readers go on meanwhile.
    await assert.rejects(put(store, "/a"), isBusy);
    assert.deepEqual(await names(store), ["/x"]);
    assert.equal(shared.journal(), "delete");
    shared.unlock();
    await put(store, "/b");
    assert.equal(shared.journal(), "wal");
    assert.deepEqual(await names(store), ["/b", "/x"]);
  });
});

Deno.test("SqlStore without a log waits for a reader before it writes, and calls the work once", async () => {
  using shared = new Shared();
  await (await shared.open())[Symbol.asyncDispose]();
  shared.foreign.exec("PRAGMA journal_mode = DELETE");
  await shared.whileLocked("BEGIN", async () => {
    shared.foreign.prepare("SELECT * FROM file").all();
    await using store = await shared.open({ graceSeconds: 3 });
    setTimeout(() => shared.unlock(), 150);
    const many = Array.from({ length: 20_000 }, (_, n) => ({ name: `/${n}`, stored: "v1" }));
    let calls = 0;
    await store.transaction(async (tx) => {
      calls++;
      await tx.putRecords(many as FileRecord[]);
    });
    assert.equal(calls, 1);
    assert.equal((await names(store)).length, 20_000);
  });
});

Deno.test("SqlStore without a log never holds what a C program that has read needs to write", async () => {
  using shared = new Shared();
  await (await shared.open())[Symbol.asyncDispose]();
  shared.foreign.exec("PRAGMA journal_mode = DELETE; BEGIN");
  shared.foreign.prepare("SELECT * FROM file").all();
  await using store = await shared.open({ graceSeconds: 5 });
  const waiting = put(store, "/ours");
  await new Promise((resolve) => setTimeout(resolve, 50));
  shared.foreign.exec("INSERT INTO file VALUES ('/theirs', 'v1'); COMMIT"); // not "database is locked"
  await waiting;
  assert.deepEqual(await names(store), ["/ours", "/theirs"]);
});

Deno.test("SqlStore without a log waits with reading while another program writes", async () => {
  using shared = new Shared();
  await (await shared.open())[Symbol.asyncDispose]();
  shared.foreign.exec("PRAGMA journal_mode = DELETE; BEGIN; SELECT * FROM file");
  shared.foreign.prepare("SELECT * FROM file").all();
  await using store = await shared.open({ graceSeconds: 3 });
  shared.unlock();
  shared.foreign.exec("INSERT INTO file VALUES ('/x', 'v1')");
  const found = await shared.whileLocked("BEGIN EXCLUSIVE", () => names(store), 150);
  assert.deepEqual(found, ["/x"]);
});

Deno.test("retryBusy() tries again only when the database is busy, and says so once a second", async () => {
  let calls = 0, notes = 0;
  const busyTwice = () => {
    if (++calls < 3) throw new SqlError("busy", "busy");
    return calls;
  };
  assert.equal(await retryBusy(busyTwice, { timeoutMs: 1_000, onBusy: () => notes++ }), 3);
  assert.equal(notes, 1);
  const broken = () => Promise.reject(new SqlError("broken", "Database Error"));
  await assert.rejects(retryBusy(broken, { timeoutMs: 1_000 }), {
    code: "state/broken",
    message: "Database Error",
  });
  const other = new TypeError("a defect of ours");
  await assert.rejects(retryBusy(() => Promise.reject(other), { timeoutMs: 1_000 }), other);
});
