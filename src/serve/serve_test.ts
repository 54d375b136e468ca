import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { bye, FINISHED, KEY, literal, withServer } from "../../tests/support/serving.ts";

// Registered here: results tell a test by its file.
const test = (name: string, ...bed: Parameters<typeof withServer>) =>
  Deno.test(name, withServer(...bed));

test("connections share one state, and get a new one when its files change", async (bed) => {
  const [one, two] = [await bed.client(), await bed.client()];
  equal(bed.opened, 1);
  bed.isCurrent = false;
  const three = await bed.client();
  equal(bed.opened, 2);
  for (const client of [one, two, three]) await bye(client);
});

test("many connections at once, one path at a time", async (bed) => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => bed.client()));
  const replies = await Promise.all(
    clients.map((client, i) => client.patch(bed.path("F"), literal(String(i).repeat(100)))),
  );
  equal(new Set(replies), new Set([FINISHED]));
  equal(new Set(Deno.readTextFileSync(bed.path("F"))).size <= 2, true);
  await Promise.all(clients.map(bye));
});

test("too many connections are turned away with a line", async (bed) => {
  const one = await bed.client();
  const two = bed.connect();
  await two.expect("CONFIG ", "Too many connections.");
  equal(await two.line(), undefined);
  await bye(one);
  await two[Symbol.asyncDispose]();
  for (;;) { // until the server has closed its end
    await using three = bed.connect();
    if (await three.ask("CONFIG ") === FINISHED) break;
  }
}, { serve: { limits: { connectionsPerAddress: 1 } } });

test("D 7.4.11 the lock file is answered per connection", async (bed) => {
  await using client = bed.connect();
  equal(await client.line(), "Found /etc/csync2.lock");
  equal(await client.line(), undefined);
}, { serve: { lockedBy: () => "Found /etc/csync2.lock" } });

test("a graceful end finishes the file in hand, and nothing after it", async (bed) => {
  const client = await bed.client();
  const idle = await bed.client();
  await client.expect(`PATCH ${KEY} ${bed.path("F")}`, "OK (send_data).");
  await client.stream();
  bed.stop.abort();
  await new Promise((go) => setTimeout(go, 50));
  const delta = literal("done");
  await client.send(`octet-stream ${delta.length}\n`);
  await client.send(delta);
  equal(await client.line(), FINISHED);
  await client.expect(`SETMOD ${KEY} ${bed.path("F")} 384`, FINISHED);
  equal(await client.ask(`DEL ${KEY} ${bed.path("F")}x`).catch(() => undefined), undefined);
  await bed.ended;
  equal(Deno.readTextFileSync(bed.path("F")), "done");
  for (const c of [client, idle]) await c[Symbol.asyncDispose]();
});

test(
  "a delta that does not keep moving ends the connection, and gives the path back",
  async (bed) => {
    const name = bed.path("F");
    await using stalled = await bed.client();
    equal(await stalled.patch(name, literal("old")), FINISHED);
    await stalled.expect(`PATCH ${KEY} ${name}`, "OK (send_data).");
    await stalled.stream();
    const delta = literal("never complete");
    await stalled.send(`octet-stream ${delta.length}\n`);
    await stalled.send(delta.subarray(0, 9));
    await using other = await bed.client(); // it waits for the path
    equal(await other.patch(name, literal("other")), FINISHED);
    equal(await stalled.line().catch(() => undefined), undefined);
    equal(Deno.readTextFileSync(name), "other");
    const told = bed.texts(1).filter((text) => text.includes("Gave up on a file: only 9 bytes"));
    equal(told.length, 1);
    equal(bed.reporter.errors, 0);
  },
  { serve: { limits: { pace: { windowMs: 60 } } } },
);

test("a delta that comes slowly but enough of it is waited for", async (bed) => {
  await using client = await bed.client();
  await client.expect(`PATCH ${KEY} ${bed.path("F")}`, "OK (send_data).");
  await client.stream();
  const delta = literal("slow and steady");
  await client.send(`octet-stream ${delta.length}\n`);
  for (const byte of delta) {
    await client.send(Uint8Array.of(byte));
    await new Promise((go) => setTimeout(go, 10));
  }
  equal(await client.line(), FINISHED);
  equal(Deno.readTextFileSync(bed.path("F")), "slow and steady");
}, { serve: { limits: { pace: { windowMs: 10_000, leastBytes: 1 } } } });

test("configurations that cannot be opened end the connection, the server lives on", async (bed) => {
  await using client = bed.connect();
  equal(await client.ask("CONFIG nosuch").catch(() => undefined), undefined);
  await using bad = bed.connect();
  await bad.expect("CONFIG ../x", "Config names are limited to [a-z0-9]+.");
  await using good = await bed.client();
  ok(good);
  ok(bed.reporter.events.some((e) => e.isError));
});

test("connections that fail do not fill the log", async (bed) => {
  for (let count = 0; count < 15; count++) {
    await using client = bed.connect();
    equal(await client.ask("CONFIG nosuch").catch(() => undefined), undefined);
  }
  const failures = (level: number) => bed.texts(level).filter((t) => t.includes("no such config"));
  equal(failures(0).length, 10);
  equal(failures(1).length, 15);
  equal(bed.texts(0).filter((text) => text.startsWith("Further connections fail")).length, 1);
}, { serve: { limits: { connectionsPerAddress: 100 } } });

test("strangers do not stay, whatever they call themselves, and members do", async (bed) => {
  await using member = await bed.client();
  await using silent = bed.connect();
  await using stranger = bed.connect();
  await stranger.expect("CONFIG ", FINISHED);
  await stranger.expect("HELLO z.demo", FINISHED);
  const talk = async () => {
    while (await stranger.ask("HELLO z.demo") !== undefined);
  };
  equal(await silent.line().catch(() => undefined), undefined);
  await talk().catch(() => {});
  await member.expect(`SIG ${KEY} ${bed.path("F")}`, "OK (path_not_found).");
  equal(bed.texts(1).filter((t) => t.includes("not a known peer")).length, 2);
}, { serve: { limits: { strangerMs: 500 } } });

test("a connection whose commands still run takes no place", async (bed) => {
  const one = await bed.client();
  equal(await one.patch(bed.path("go"), literal("1")), FINISHED);
  await bye(one);
  for (let tries = 0; tries < 200 && !bed.texts(2).some((t) => t.startsWith("Running")); tries++) {
    await new Promise((go) => setTimeout(go, 10));
  }
  await using two = await bed.client();
  Deno.writeTextFileSync(bed.path("end"), "");
  ok(two);
}, {
  serve: { limits: { connectionsPerAddress: 1, connections: 1 } },
  config:
    'nossl * *; group g { host a.demo b.demo; key k; include ROOT; action { pattern ROOT/go; exec "while [ ! -e ROOT/end ]; do sleep 0.02; done"; } }',
});
