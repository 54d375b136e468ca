import assert from "node:assert/strict";
import { databaseTarget } from "./database_url.ts";

Deno.test("databaseTarget() 5.1: falls back to the default directory", () => {
  for (const database of [undefined, ""]) {
    const target = databaseTarget({
      database,
      hostName: "h",
      configName: "c",
      defaultDir: "/var/lib/csync2",
    });
    assert.equal(target.label, "sqlite3:///var/lib/csync2/h_c.db3");
  }
});

function target(database: string) {
  return databaseTarget({ database, hostName: "A.Demo", configName: "one", defaultDir: "/none" });
}

const SERVER = {
  kind: "pgsql",
  host: undefined,
  port: undefined,
  socket: undefined,
  userName: undefined,
  password: undefined,
  passwordFile: undefined,
  tls: "prefer",
  rootCertFile: undefined,
  database: "csync2_a_demo_one",
  user: "a.demo_one",
};

const SERVER_CASES = [
  ["pgsql://", {}],
  ["mysql://h", { kind: "mysql", host: "h" }],
  ["mariadb://h/", { kind: "mysql", host: "h" }],
  ["pgsql://u@h:1/", { userName: "u", host: "h", port: 1 }],
  ["pgsql://u:p@h/my-db.x", { userName: "u", password: "p", host: "h", database: "my_db_x" }],
  ["pgsql://u:a@b/c:d?e@h/", { userName: "u", password: "a@b/c:d?e", host: "h" }],
  ["pgsql://u:%41'\"\\@h", { userName: "u", password: "%41'\"\\", host: "h" }],
  ["pgsql://u:@[::1]:5/d", { userName: "u", password: "", host: "::1", port: 5, database: "d" }],
  ["pgsql:///d?socket=/run/x", { socket: "/run/x", database: "d" }],
  ["mysql://h/?sslmode=verify-ca&sslrootcert=/a%20b", {
    kind: "mysql",
    host: "h",
    tls: "verify-ca",
    rootCertFile: "/a b",
  }],
  ["pgsql://u@h/?password-file=/x%40y", { userName: "u", host: "h", passwordFile: "/x@y" }],
] as const;

for (const [value, want] of SERVER_CASES) {
  Deno.test(`D 7.6.6 databaseTarget() reads ${value}, and leaves open what is missing`, () => {
    const { label, ...found } = target(value);
    assert.deepEqual(found, { ...SERVER, ...want });
    assert.equal(label, value.replace(/^(\w+:\/\/u):.*@/, "$1:***@"));
  });
}

for (
  const value of [
    "pgsql://h:x/",
    "mysql://[::1/",
    "pgsql://h:99999/",
    "pgsql://h/?x=1",
    "pgsql://h/?password-file",
  ]
) {
  Deno.test(`databaseTarget() takes ${value} for malformed`, () => {
    assert.equal(target(value).kind, "malformed");
  });
}

for (
  const [value, shown] of [
    ["pgsql://u:secret", "pgsql://u:***"],
    ["mysql://u:secret/db", "mysql://u:***/db"],
    ["pgsql://u:1secret?sslmode=x", "pgsql://u:***?sslmode=x"],
    ["pgsql:/u:secret@h/db", "pgsql:/u:***@h/db"],
    ["postgres://u:secret@h/db", "postgres://u:***@h/db"],
    ["pgsql://h/db?password=secret&sslmode=x", "pgsql://h/db?password=***&sslmode=x"],
    ["pgsql://u@h/db?password-file=/etc/p", "pgsql://u@h/db?password-file=/etc/p"],
    ["pgsql://h:5432/db", "pgsql://h:5432/db"],
    ["pgsql://h:5432", "pgsql://h:5432"],
    ["pgsql://[::1]:5432/db", "pgsql://[::1]:5432/db"],
    ["sqlite3:///srv/a:b", "sqlite3:///srv/a:b"],
  ] as const
) {
  Deno.test(`D 7.4.15 a database is shown without its password: ${shown}`, () => {
    const place = { database: value, hostName: "h", configName: "", defaultDir: "/d" };
    assert.equal(databaseTarget(place).label, shown);
  });
}
