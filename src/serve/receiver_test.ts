import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import {
  bye,
  FINISHED,
  KEY,
  literal,
  sig,
  stored,
  withServer,
} from "../../tests/support/serving.ts";
import { type DbName } from "../model/mod.ts";

// Registered here: results tell a test by its file.
const test = (name: string, ...bed: Parameters<typeof withServer>) =>
  Deno.test(name, withServer(...bed));

const DIRTY = "File is also marked dirty here!";

test("a new file arrives in the steps of 2.1-0rc1", async (bed) => {
  await using client = await bed.client();
  const name = bed.path("F");
  await client.expect(`SIG ${KEY} ${name}`, "OK (path_not_found).");
  equal([await client.line(), await client.line(), await client.line()], [
    "---",
    "octet-stream 0",
    FINISHED,
  ]);
  equal(await client.patch(name, literal("hello")), FINISHED);
  equal(Deno.lstatSync(name).mode! & 0o7777, 0o600);
  await client.expect(`SETOWN ${KEY} ${name} 3 4`, FINISHED);
  await client.expect(`SETMOD ${KEY} ${name} 33188`, FINISHED);
  await client.expect(`SETIME ${KEY} ${name} 1600000000`, FINISHED);
  equal(Deno.readTextFileSync(name), "hello");
  equal(await stored(bed, "F"), "v1:mtime=1600000000:mode=33188:uid=3:gid=4:type=reg:size=5");
  equal(await bed.rows(), []);
  await bye(client);
  ok(bed.texts(1).includes("Updated ROOT/F from a.demo."));
});

test("a file that SIG has shown is replaced in the steps of 2.1-0rc1", async (bed) => {
  await using client = await bed.client();
  const name = bed.path("F");
  for (const content of ["one", "two"]) {
    if (content === "two") await sig(client, name);
    equal(await client.patch(name, literal(content)), FINISHED);
    await client.expect(`SETOWN ${KEY} ${name} 3 4`, FINISHED);
    await client.expect(`SETMOD ${KEY} ${name} 33188`, FINISHED);
    await client.expect(`SETIME ${KEY} ${name} 1600000000`, FINISHED);
    equal(await bed.rows(), []);
  }
  await sig(client, name);
  await client.expect(`SETMOD ${KEY} ${name} 33152`, FINISHED);
  await client.expect(`SETIME ${KEY} ${name} 1600000001`, FINISHED);
  equal(await bed.rows(), []);
});

test("SIG waits for the end of a PATCH of another connection", async (bed) => {
  await using client = await bed.client();
  await using other = await bed.client();
  await using third = await bed.client();
  const name = bed.path("F");
  await client.expect(`PATCH ${KEY} ${name}`, "OK (send_data).");
  await client.stream();
  let isAnswered = false;
  const answer = other.ask(`SIG ${KEY} ${name}`).finally(() => isAnswered = true);
  await sig(third, bed.path("G")); // others are served meanwhile
  ok(!isAnswered);
  equal(await client.ask("octet-stream 8\nrs\x026A\x01x\0"), FINISHED);
  equal(await answer, "OK (data_follows).");
  match(await other.line() ?? "", /:size=1$/); // what is shown is the new one
});

test("SETIME of a file that another connection has replaced since SIG is no conflict", async (bed) => {
  await using client = await bed.client();
  await using other = await bed.client("c.demo");
  const name = bed.path("F");
  equal(await client.patch(name, literal("1")), FINISHED);
  await sig(client, name);
  equal(await other.patch(name, literal("2")), FINISHED);
  await client.expect(`SETIME ${KEY} ${name} 1600000000`, "Device or resource busy");
  equal(await bed.rows(), []);
});

test("a new file arrives in the one step of 2.1.1", async (bed) => {
  await using client = await bed.client();
  const reply = await client.patch(bed.path("F"), literal("x"), " 5 6 416 1600000000123456789");
  equal(reply, FINISHED);
  equal(await stored(bed, "F"), "v1:mtime=1600000000:mode=33184:uid=5:gid=6:type=reg:size=1");
});

test("two files that differ at first contact are a conflict, FLUSH solves it (W 13.1)", async (bed) => {
  Deno.writeTextFileSync(bed.path("F"), "mine");
  await using client = await bed.client();
  const name = bed.path("F");
  equal(await client.patch(name, literal("x")), "File is also marked dirty here!");
  equal(await bed.rows(), ["a.demo F", "c.demo F"]);
  equal(Deno.readTextFileSync(name), "mine");
  await client.expect(`FLUSH ${KEY} ${name}`, FINISHED);
  equal(await bed.rows(), []);
  equal(await client.patch(name, literal("theirs")), FINISHED);
  equal(Deno.readTextFileSync(name), "theirs");
});

test("a mark for a third host refuses, and marks the asking peer (W 13.1.3, D 7.3.12)", async (bed) => {
  const name = bed.path("F") as DbName;
  const peer = "c.demo" as never, myName = "b.demo" as never;
  await bed.state.transaction((tx) => tx.mark([{ name, peer, myName, forced: false }]));
  await using client = await bed.client();
  await client.expect(`DEL ${KEY} ${name}`, "File is also marked dirty here!");
  equal(await bed.rows(), ["a.demo F", "c.demo F"]);
});

test("SETIME is not refused by marks, and clears the peer's (W 11)", async (bed) => {
  const name = bed.path("F");
  Deno.writeTextFileSync(name, "x");
  await using client = await bed.client();
  await client.expect(`DEL ${KEY} ${name}`, "File is also marked dirty here!");
  await client.expect(`SETIME ${KEY} ${name} 1500000000`, FINISHED);
  equal(await bed.rows(), ["c.demo F"]);
  equal(await client.ask(`GETTM ${KEY} ${name}`), "OK (data_follows).");
  equal(await client.line(), "1500000000");
});

test("SETIME does not swallow a change made here", async (bed) => {
  const name = bed.path("F");
  await using client = await bed.client();
  equal(await client.patch(name, literal("1")), FINISHED);
  Deno.writeTextFileSync(name, "longer");
  await client.expect(`SETIME ${KEY} ${name} 1500000000`, DIRTY);
  equal(await bed.rows(), ["a.demo F", "c.demo F"]);
});

for (const now of ["longer", "2"]) {
  test(`SETIME does not swallow a change made here since SIG: ${now}`, async (bed) => {
    const name = bed.path("F");
    await using client = await bed.client();
    equal(await client.patch(name, literal("1"), " 0 0 420 1600000000000000000"), FINISHED);
    await sig(client, name);
    Deno.writeTextFileSync(name, now);
    const { mtime } = Deno.statSync(name);
    await client.expect(`SETIME ${KEY} ${name} 1600000001000000000`, DIRTY);
    equal(await bed.rows(), ["a.demo F", "c.demo F"]);
    equal([Deno.statSync(name).mtime, Deno.readTextFileSync(name)], [mtime, now]);
    await sig(client, name);
    await client.expect(`SETIME ${KEY} ${name} 1600000001000000000`, FINISHED); // now it is seen
    equal(await bed.rows(), ["c.demo F"]);
  });
}

test("wrong keys, foreign names and other names than ours are denied", async (bed) => {
  await using client = await bed.client();
  const denied = "Permission denied!";
  await client.expect(`DEL ${"x".repeat(KEY.length)} ${bed.path("F")}`, denied);
  await client.expect(`DEL ${KEY.slice(1)} ${bed.path("F")}`, denied);
  for (const name of ["/etc/passwd", `${bed.root}/../x`, `${bed.root}//x`, "x", `${bed.root}/x/`]) {
    await client.expect(`SIG ${KEY} ${name}`, denied); // W 20.16
  }
  await client.expect(`HELLO A.DEMO`, /./);
  await client.expect(`SIG ${KEY} ${bed.path("F")}`, /denied|identify/);
});

test("a slave is refused and gets our copy back (W 6.4)", async (bed) => {
  const name = bed.path("F");
  await using client = await bed.client();
  await client.expect(`SIG ${KEY} ${name}`, "Permission denied for slave!");
  equal(await bed.rows(), ["a.demo F"]);
  equal(await bed.state.actions(), []); // D 7.7.3
}, { hosts: "(a.demo) b.demo c.demo", group: 'action { exec "x"; }' });

test("identification: address, name, repeated failure", async (bed) => {
  await using client = bed.connect();
  await client.expect("CONFIG ", FINISHED);
  await client.expect(`SIG ${KEY} /x`, "Dear 127.27.0.1, please identify first.");
  await client.expect("HELLO elsewhere.test", "Identification failed!");
  await client.expect(`HELLO ${"x".repeat(300)}.demo`, "Identification failed!");
  await client.expect("HELLO a.demo", FINISHED);
  await client.expect("HELLO elsewhere.test", "Identification failed!");
  await client.expect(`SIG ${KEY} /x`, "Dear 127.27.0.1, please identify first.");
});

test("without nossl encryption is expected", async (bed) => {
  await using client = bed.connect();
  await client.expect("CONFIG ", FINISHED);
  await client.expect("HELLO a.demo", "SSL encrypted connection expected!");
}, { config: "group g { host a.demo b.demo; key k; include ROOT; }" });

test("W 20.8 GROUP restricts to the groups that are named, be they first or last", async (bed) => {
  const allowed = "Parent dir missing.", denied = "Permission denied!";
  for (const [list, one, two] of [["g,other", allowed, denied], ["h", denied, allowed]]) {
    const client = bed.connect();
    await client.expect("CONFIG ", FINISHED);
    await client.expect(`GROUP ${list}`, FINISHED);
    await client.expect("GROUP h", "Group list already set!");
    await client.expect("HELLO a.demo", FINISHED);
    await client.expect(`SIG ${KEY} ${bed.path("one/F")}`, one!);
    await client.expect(`SIG ${KEY} ${bed.path("two/F")}`, two!);
    await client[Symbol.asyncDispose]();
  }
}, {
  config: "nossl * *; group g { host a.demo b.demo; key k; include ROOT/one; } " +
    "group h { host a.demo b.demo; key k; include ROOT/two; }",
});

test("W 20.9 LIST needs the pair, and a key of it", async (bed) => {
  Deno.writeTextFileSync(bed.path("F"), "x");
  await using client = await bed.client();
  equal(await client.patch(bed.path("G"), literal("g")), FINISHED);
  const list = async (command: string) => {
    await client.send(`${command}\n`);
    const lines: string[] = [];
    for (;;) {
      const line = (await client.line())!;
      if (line.startsWith("OK")) return lines;
      lines.push(line);
    }
  };
  equal((await list(`LIST b.demo - ${KEY}`)).length, 1);
  equal(await list(`LIST b.demo -`), []);
  equal(await list(`LIST b.demo - ${"x".repeat(40)}`), []);
  equal(await list(`LIST other.demo - ${KEY}`), []);
  equal((await list(`LIST b.demo ${bed.path("G")} ${KEY}`)).length, 1);
  equal(await list(`LIST b.demo ${bed.path("H")} ${KEY}`), []);
  await client.expect("HELLO z.demo", FINISHED); // in no group
  equal(await list(`LIST b.demo - ${KEY}`), []);
});

test("W 20.18 TYPE follows no link and opens no FIFO", async (bed) => {
  await using client = await bed.client();
  Deno.symlinkSync("/etc/passwd", bed.path("L"));
  await client.expect(`MKFIFO ${KEY} ${bed.path("P")}`, FINISHED);
  await client.expect(`TYPE ${KEY} ${bed.path("L")}`, "Too many levels of symbolic links");
  await client.expect(`TYPE ${KEY} ${bed.path("P")}`, "Invalid argument");
  equal(await client.patch(bed.path("F"), literal("content")), FINISHED);
  await client.expect(`TYPE ${KEY} ${bed.path("F")}`, "OK (data_follows).");
  equal(new TextDecoder().decode(await client.duplex.readSome(100)), "content");
});

test("W 20.17 a parent that became a link between two requests is not followed", async (bed) => {
  Deno.mkdirSync(bed.path("D"));
  Deno.mkdirSync(`${bed.root}-outside`);
  try {
    await using client = await bed.client();
    await client.expect(`FLUSH ${KEY} ${bed.path("D")}`, FINISHED);
    equal(await client.patch(bed.path("D/F"), literal("1")), FINISHED);
    await client.expect(`SIG ${KEY} ${bed.path("D/F")}`, "OK (data_follows).");
    await client.line();
    await client.stream();
    await client.line();
    Deno.removeSync(bed.path("D"), { recursive: true });
    Deno.symlinkSync(`${bed.root}-outside`, bed.path("D"));
    ok((await client.patch(bed.path("D/F"), literal("2")))?.startsWith("OK") === false);
    await client.expect(`MKDIR ${KEY} ${bed.path("D/E")}`, /^(?!OK)/);
    await client.expect(`SIG ${KEY} ${bed.path("D/F")}`, "OK (not_found).");
    equal([...Deno.readDirSync(`${bed.root}-outside`)], []);
  } finally {
    Deno.removeSync(`${bed.root}-outside`, { recursive: true });
  }
});

test("W 20.1 a delta is consumed whatever happens, and never read as commands", async (bed) => {
  await using client = await bed.client();
  const evil = `\nDEL ${KEY} ${bed.path("victim")}\nBYE\n`;
  Deno.writeTextFileSync(bed.path("victim"), "x");
  equal(await client.patch(bed.path("F"), evil), "Input/output error"); // no delta at all
  const copying = new Uint8Array([0x72, 0x73, 2, 0x36, 0x45, 0, 5, 0]);
  equal(await client.patch(bed.path("F"), copying), "Input/output error"); // past the end of nothing
  await client.expect(`PATCH ${KEY} ${bed.path("F")}`, "OK (send_data).");
  await client.stream();
  await client.expect("ERROR", "Input/output error");
  await client.expect(`GETSZ ${KEY} ${bed.path("F")}`, "OK (data_follows).");
  equal(await client.line(), "-1");
  equal([...Deno.readDirSync(bed.root)].map((e) => e.name), ["victim"]);
});

test("GETSZ tells the size of every kind of object, as the other side of a conflict does", async (bed) => {
  await using client = await bed.client();
  Deno.mkdirSync(bed.path("dir"));
  Deno.symlinkSync("target", bed.path("link"));
  Deno.writeTextFileSync(bed.path("file"), "12345");
  for (const name of ["dir", "link", "file"]) {
    await client.expect(`GETSZ ${KEY} ${bed.path(name)}`, "OK (data_follows).");
    equal(await client.line(), `${Deno.lstatSync(bed.path(name)).size}`, name);
  }
});

test("W 20.12 the new content has a limit", async (bed) => {
  await using client = await bed.client();
  equal(await client.patch(bed.path("F"), literal("x".repeat(11))), "Input/output error");
  equal(await client.patch(bed.path("F"), literal("x".repeat(10))), FINISHED);
}, { serve: { limits: { maxFileBytes: 10 } } });

test("W 20.20 W 20.21 a connection lost in the middle leaves nothing", async (bed) => {
  const client = await bed.client();
  await client.expect(`PATCH ${KEY} ${bed.path("F")}`, "OK (send_data).");
  await client.stream();
  await client.send("octet-stream 9999999\nrs\x02\x36");
  await client.send(new Uint8Array(1_000_000));
  await client[Symbol.asyncDispose]();
  for (let tries = 0; bed.locks.size > 0 && tries < 200; tries++) {
    await new Promise((go) => setTimeout(go, 5));
  }
  equal([...Deno.readDirSync(bed.root)], []);
  equal(await bed.state.intents(), []);
});

test("D 7.7.3 actions run after a change here, with real names", async (bed) => {
  const client = await bed.client();
  equal(await client.patch(bed.path("a;b"), literal("1")), FINISHED);
  await bye(client);
  for (let tries = 0; tries < 200 && !bed.texts(2).some((t) => t.includes("ended")); tries++) {
    await new Promise((go) => setTimeout(go, 10));
  }
  equal(Deno.readTextFileSync(`${bed.root}/log`), `got ${bed.path("a;b")}\n`);
  ok(bed.texts(1).includes("Running 'echo got 'ROOT/a;b'' ..."));
}, {
  config:
    'nossl * *; group g { host a.demo b.demo; key k; include ROOT; action { exec "echo got %%"; logfile ROOT/log; } }',
});

test("W 20.4 an unusable backup directory is one error line", async (bed) => {
  await using client = await bed.client();
  const name = bed.path("F");
  equal(await client.patch(name, literal("1")), FINISHED);
  Deno.writeTextFileSync(bed.path("backup"), "in the way");
  match(await client.patch(name, literal("2")) ?? "", /^Open error while backing up '.*F': /);
  await client.expect(`DEL ${KEY} ${name}`, /^Open error while backing up/);
  await client.expect(`GETSZ ${KEY} ${name}`, "OK (data_follows).");
  equal(await client.line(), "1");
}, {
  config:
    "nossl * *; group g { host a.demo b.demo; key k; include ROOT; backup-directory ROOT/backup; }",
});
