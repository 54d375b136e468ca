/** The recorded SQLite database: what the whole program makes, says and does with it. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { X509Certificate } from "node:crypto";
import { DEVIATIONS } from "./deviations.ts";
import { load, type RunResult, sameRun, Surroundings } from "./steps.ts";

type Rows = Record<string, unknown[][]>;
interface DatabaseCases {
  readonly sqlite: {
    readonly file_mode: string;
    readonly tables: Record<string, string>;
    readonly other_objects: string[][];
    readonly columns: Rows;
    readonly pragmas: Record<string, unknown>;
    readonly sample_rows: Rows;
  };
  readonly locked_database: {
    readonly lock_timeout: number;
    readonly rc: number;
    readonly last_line: string;
  }[];
  readonly errors: {
    readonly what: string;
    readonly args?: string[];
    rc: number;
    stderr: string;
  }[];
  readonly x509_cert: {
    readonly on_a: [string, string][];
    readonly on_b: [string, string][];
    readonly rc: number;
    readonly wrong_certificate_of_the_server: { readonly rc: number; readonly stderr: string };
  };
}

const GOLDEN = load<DatabaseCases>("database");
const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined;
const GROUP = "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n}\n";
/** Tables and triggers of our own; csync2 does not look at them. */
const OWN = /csync3/;

function ours(id: string) {
  return isReal ? undefined : DEVIATIONS[`database/${id}`];
}

/** The database of the recording: four objects, marks, one of them forced, hints. */
async function sample(s: Surroundings): Promise<DatabaseSync> {
  s.config(GROUP.replaceAll("@", s.base));
  const make = `ln -s 'to a:b' l; : > 'od d%:|"'"'"'$\\'; touch -d @1000000000 od*
    printf 12345 > plain; chown 1:2 plain; chmod 640 plain; touch -d @1600000000 plain`;
  const { success } = new Deno.Command("/bin/sh", { args: ["-ec", make], cwd: `${s.base}/a` })
    .outputSync();
  assert.ok(success);
  const run = async (...args: string[]) => assert.equal((await s.run(args)).rc, 0, args.join(" "));
  await run("-cr", `${s.base}/a`);
  await run("-f", `${s.base}/a/plain`);
  await run("-h", "/etc/passwd");
  await run("-hr", `${s.base}/a/od d%`);
  return s.database("a.demo");
}

Deno.test("golden database/sqlite: schema, pragmas and rows as the program makes them", async () => {
  await using s = new Surroundings();
  using db = await sample(s);
  const want = GOLDEN.sqlite;
  const rows = (sql: string) => db.prepare(sql).all().map((row) => Object.values(row));
  const objects = rows("select type, name, tbl_name, sql from sqlite_master")
    .filter(([, name]) => !OWN.test(name as string));
  const tables = objects.filter(([type]) => type === "table");
  assert.deepEqual(Object.fromEntries(tables.map(([, name, , sql]) => [name, sql])), want.tables);
  const others = objects.filter(([type]) => type !== "table").map((o) => o.slice(0, 3));
  assert.deepEqual(others.sort(), [...want.other_objects].sort());
  for (const [table, columns] of Object.entries(want.columns)) {
    // Without the number of the column.
    assert.deepEqual(rows(`pragma table_info(${table})`).map((c) => c.slice(1)), columns, table);
  }
  for (const [pragma, value] of Object.entries(want.pragmas)) {
    const deviating = ours("pragmas")?.rows?.[pragma];
    assert.deepEqual(rows(`pragma ${pragma}`), deviating ?? [[value]], pragma);
  }
  const mode = Deno.statSync(`${s.base}/db/a.demo.db3`).mode!.toString(8);
  assert.equal(mode, ours("file_mode")?.stat?.mode ?? want.file_mode);
  for (const [table, expected] of Object.entries(want.sample_rows)) {
    const found = rows(`select * from ${table} order by 1`).map((row) =>
      row.map((v) => typeof v === "string" ? s.recorded(v.split("\0")[0]!) : v)
    );
    assert.deepEqual(found, expected, table);
  }
});

/** What is in the place of the database. */
const BROKEN: Readonly<Record<string, (path: string) => void>> = {
  "not a database file": (path) =>
    Deno.writeTextFileSync(path, "this is no database\n".repeat(100)),
  "only a table named file exists: taken as a complete schema": (path) => {
    using db = new DatabaseSync(path);
    db.exec("create table file (x)");
  },
};

for (const [at, c] of GOLDEN.errors.entries()) {
  Deno.test(`golden database/errors ${at}: ${c.what} ${c.args?.join(" ") ?? ""}`, async () => {
    await using s = new Surroundings();
    s.config(GROUP.replaceAll("@", s.base));
    const what = c.what === "the same" ? GOLDEN.errors[at - 1]!.what : c.what;
    BROKEN[what]!(`${s.base}/db/a.demo.db3`);
    // Our statements are others; what is wrong is the same.
    const reason = ({ stderr, ...run }: RunResult) =>
      isReal ? { ...run, stderr } : { ...run, stderr: stderr.replace(/ on executing .*/, "") };
    const got = await s.run(c.args ?? ["-M"]);
    sameRun(reason(got), reason({ ...c, stdout: "" }), ours(`${what}#${at}`));
  });
}

for (const [at, c] of GOLDEN.locked_database.entries()) {
  Deno.test(`golden database/locked_database ${at}: lock-timeout ${c.lock_timeout}`, async () => {
    await using s = new Surroundings();
    s.config(`lock-timeout ${c.lock_timeout};\n${GROUP.replaceAll("@", s.base)}`);
    assert.equal((await s.run(["-M"])).rc, 2);
    using db = s.database("a.demo");
    db.exec("begin exclusive");
    const { rc, stderr } = await s.run(["-cvv", `${s.base}/a`]);
    db.exec("rollback");
    const lines = stderr.trimEnd().split("\n");
    assert.equal(rc, c.rc, stderr);
    assert.ok(lines.includes("Database is busy, sleeping a sec."), stderr);
    assert.equal(lines.at(-1), c.last_line);
    assert.equal((await s.run(["-M"])).rc, 2, "nothing was marked");
  });
}

Deno.test("golden database/x509_cert: the pin is the peer's certificate, and another one is refused", async () => {
  await using s = new Surroundings();
  s.config(
    GROUP.replace("include @/a", "include %p%").replaceAll("@", s.base) +
      `prefix p { on a.demo: ${s.base}/a; on b.demo: ${s.base}/b; }\n`,
  );
  await makeIdentity(s);
  const first = certificate(s);
  Deno.writeTextFileSync(`${s.base}/a/f`, "1");
  assert.equal((await s.run(["-cr", "/"])).rc, 0);
  const server = ["-ii", "-p", "31865"];
  await s.serverStart("b.demo", server);
  const want = GOLDEN.x509_cert;
  assert.equal((await s.run(["-u", "-p", "31865"])).rc, want.rc);
  await s.serverStop("b.demo");
  const pins = (host: string) => {
    using db = s.database(host);
    return db.prepare("select * from x509_cert").all().map((row) => Object.values(row));
  };
  assert.deepEqual(pins("a.demo"), want.on_a.map(([peer]) => [peer, first]));
  assert.deepEqual(pins("b.demo"), want.on_b.map(([peer]) => [peer, first]));
  await makeIdentity(s);
  await s.serverStart("b.demo", server);
  assert.equal((await s.run(["-m", `${s.base}/a/f`])).rc, 0);
  const { rc, stdout, stderr } = await s.run(["-u", "-p", "31865"]);
  const answer = want.wrong_certificate_of_the_server;
  const known = stderr.replace(/\b[0-9A-F]{2}(:?[0-9A-F]{2}){31}\b/gi, "FINGERPRINT");
  sameRun({ rc, stdout, stderr: known }, { ...answer, stdout: "" }, ours("x509_cert#0"));
  await s.serverStop("b.demo");
  assert.deepEqual(pins("a.demo"), want.on_a.map(([peer]) => [peer, first]), "the pin stays");
});

/** A new key and certificate for both hosts, which share a system directory. */
async function makeIdentity(s: Surroundings): Promise<void> {
  const { success } = await new Deno.Command("openssl", {
    args: [
      ..."req -x509 -newkey rsa:2048 -nodes -days 600 -subj /O=demo".split(" "),
      ...["-keyout", `${s.base}/etc/csync2_ssl_key.pem`],
      ...["-out", `${s.base}/etc/csync2_ssl_cert.pem`],
    ],
    stderr: "null",
  }).output();
  assert.ok(success);
  Deno.chmodSync(`${s.base}/etc/csync2_ssl_key.pem`, 0o600);
}

/** Upper-case hexadecimal DER. */
function certificate(s: Surroundings): string {
  const pem = Deno.readTextFileSync(`${s.base}/etc/csync2_ssl_cert.pem`);
  return new X509Certificate(pem).raw.toString("hex").toUpperCase();
}
