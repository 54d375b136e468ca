/** Claims for MySQL, MariaDB and PostgreSQL: what the tests with real servers prove. */
import { type Claim, claims } from "../claim.ts";

const MADE = "D 5.1 a missing database is made, with a name of letters, digits and underscores";
const LOGINS =
  "D 7.6.6 a password may have quotes and anything else, and what is missing has defaults";
const FAILURES = "failures to open are one line with what to do, and without the password";
const NO_RIGHT =
  "without the right to make a database, the statement for the administrator is told";
const KILLED =
  "a connection killed within a transaction: one clear error, nothing written, the next one works";
const CUT = "what the server would cut off, with a warning, is an error, and nothing is written";
const REASON = "`Can't open database:` with the reason and what to do, and without the password";

export const DATABASE_CLAIMS: readonly Claim[] = [
  ...claims("tests/e2e/databases_test.ts", [
    [
      "feature: 2.1.1: database",
      "a password comes from the environment, and is in no output (mariadb)",
      { shows: '? "mariadb" : "pgsql"' },
    ],
  ]),
  ...claims("tests/contract/servers_test.ts", [
    ["database value: `mysql://[USER[:PASS]@]HOST[:PORT]/[DB]`", `${LOGINS} (mariadb)`, {
      shows: '"mysql" : "pgsql"}://',
    }],
    ["database value: `pgsql://[USER[:PASS]@]HOST[:PORT]/[DB]`", `${LOGINS} (postgresql)`, {
      shows: '"mysql" : "pgsql"}://',
    }],
    ["message: Database %s not found, trying to create it ...", `${MADE} (mariadb)`],
    ["message: Database %s not found, trying to create it ...", `${MADE} (postgresql)`],
    ["message: creating database %s", `${MADE} (postgresql)`, {
      shows: "not found, trying to create it ...",
      differs: "told once, by the line that it is not found",
    }],
    ["message: Could not create database %s: %s", `${NO_RIGHT} (mariadb)`, {
      shows: "GRANT ALL ON",
      differs: `${REASON}; the statement for the administrator is among it`,
    }],
    ["message: Could not create database %s: %s", `${NO_RIGHT} (postgresql)`, {
      shows: "CREATE DATABASE",
      differs: `${REASON}; the statement for the administrator is among it`,
    }],
    ["message: Failed to connect to database: Error: %s", `${FAILURES} (mariadb)`, {
      shows: "Can't open database: ",
      differs: REASON,
    }],
    ["message: Connection failed: %s", `${FAILURES} (postgresql)`, {
      shows: "Can't open database: ",
      differs: REASON,
    }],
  ]),
  ...claims("tests/contract/servers_test.ts", [
    ["message: MySql Warning: %s", `${CUT} (mariadb)`, {
      shows: "Data too long",
      differs: "in strict mode there is nothing to warn of: it is an error, and nothing is written",
    }],
    ["message: Error in PQexec: %s", `${KILLED} (postgresql)`, {
      shows: "state/broken",
      differs:
        "a statement that fails is one clear error, and nothing of its transaction is written",
    }],
  ]),
  ...claims("tests/contract/state_test.ts", [
    ["message: No Mysql support configured. …", "StateStore (mariadb) is empty at first", {
      shows: "StateStore (",
      differs: "every build has it",
    }],
    [
      "message: No Postgres SQL support configured. …",
      "StateStore (postgresql) is empty at first",
      {
        shows: "StateStore (",
        differs: "every build has it",
      },
    ],
  ]),
];
