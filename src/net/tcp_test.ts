import assert from "node:assert/strict";
import { connect, type ConnectOptions, listen, NetError, portNumber, resolve } from "./mod.ts";

const HOST = "127.25.7.1", OTHER = "127.25.7.2", OWN = "127.25.7.9";
const DEADLINE_MS = 5_000;
const UNRESOLVED = "Cannot resolve peername, getaddrinfo: Name or service not known";

Deno.test("connect() tries every address in order until one accepts", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const port = String(listener.address.port);
  const notes: string[] = [];
  await using duplex = await connect({
    ...to("several.test", port, notes),
    resolver: names({ "several.test": ["::1", OTHER, HOST] }),
  });
  await using _accepted = (await listener.accept().next()).value;
  assert.deepEqual(duplex.peer, { address: HOST, port: listener.address.port });
  assert.deepEqual(notes, [`Connect to ${HOST}:${port} (several.test).`]);
});

Deno.test("connect() comes from the own name's address of the same family", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const port = String(listener.address.port);
  const notes: string[] = [];
  await using duplex = await connect({
    ...to(HOST, port, notes),
    bindAs: "me.test",
    resolver: names({ "me.test": ["::1", OWN] }),
  });
  await using accepted = (await listener.accept().next()).value;
  assert.equal(accepted.peer.address, OWN);
  assert.deepEqual(notes, [
    `Bound to ${OWN}:0 as me.test.`,
    `Connect to ${HOST}:${port} (${HOST}).`,
  ]);
  await duplex.write("over a bound socket\n");
  assert.equal(await accepted.readLine(100), "over a bound socket");
});

Deno.test("connect() goes on unbound when the own name is of no use", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const port = String(listener.address.port);
  const end = `Connect to ${HOST}:${port} (${HOST}).`;
  const cases: Record<string, string[]> = {
    "foreign.test": ["Local socket bind() to foreign.test failed; ignored.", end],
    "six.test": [end],
    "missing.test": [UNRESOLVED, end],
  };
  const resolver = names({ "foreign.test": ["192.0.2.1"], "six.test": ["::1"] });
  for (const [bindAs, want] of Object.entries(cases)) {
    const notes: string[] = [];
    await using _duplex = await connect({ ...to(HOST, port, notes), bindAs, resolver });
    await using _accepted = (await listener.accept().next()).value;
    assert.deepEqual(notes.map(online), want, bindAs);
  }
});

Deno.test("connect() names the reason when nobody listens", async () => {
  for (const bindAs of [undefined, OWN]) {
    const notes: string[] = [];
    const own = bindAs === undefined ? {} : { bindAs };
    await rejects(connect({ ...to(OTHER, "1", notes), ...own }), "net/refused");
    assert.equal(notes.at(-1), "Can't create socket: Connection refused");
  }
  const notes: string[] = [];
  await rejects(connect(to("no.such.invalid", "1", notes)), "net/resolve");
  assert.equal(notes.map(online)[0], UNRESOLVED);
  await rejects(connect(to(HOST, "65536", [])), "net/port");
});

Deno.test("a peer that ends its sending side still gets its reply", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const conn = await Deno.connect({ hostname: HOST, port: listener.address.port });
  await conn.write(new TextEncoder().encode("BYE\n"));
  await conn.closeWrite();
  await using duplex = (await listener.accept().next()).value;
  assert.equal(await duplex.readLine(100), "BYE");
  assert.equal(await duplex.readLine(100), undefined);
  await duplex.write("OK (cu_later).\n");
  await duplex.end();
  const buffer = new Uint8Array(100);
  const n = await conn.read(buffer);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, n ?? 0)), "OK (cu_later).\n");
  assert.equal(await conn.read(buffer), null);
  conn.close();
});

Deno.test("end() waits for a peer only if its last word is unanswered", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const port = String(listener.address.port);
  await using duplex = await connect({ host: HOST, port, deadlineMs: DEADLINE_MS });
  await using server = (await listener.accept().next()).value;
  await duplex.write("BYE\n");
  await server.readLine(100);
  await server.write("OK (cu_later).\n"); // and then runs its actions, however long they take
  assert.equal(await duplex.readLine(100), "OK (cu_later).");
  const startMs = performance.now();
  await duplex.end();
  assert.ok(performance.now() - startMs < DEADLINE_MS / 2); // and not until the deadline
});

Deno.test("resolve() knows /etc/hosts, keeps numbers, and ends at its deadline", async () => {
  assert.ok((await resolve("localhost")).some((address) => address === "127.0.0.1"));
  assert.deepEqual(await resolve("::ffff:1.2.3.4"), ["::ffff:1.2.3.4"]);
  await rejects(resolve("no.such.invalid"), "net/resolve");
});

Deno.test("portNumber() takes numbers and services", async () => {
  assert.equal(await portNumber("30865"), 30_865);
  assert.equal(await portNumber("0"), 0);
  for (const bad of ["", "-1", "65536", "nosuchservice", "80x"]) {
    await rejects(portNumber(bad), "net/port");
  }
  if (await hasServices()) assert.equal(await portNumber("ssh"), 22);
});

async function hasServices(): Promise<boolean> {
  try {
    return /^ssh\s+22\/tcp/m.test(await Deno.readTextFile("/etc/services"));
  } catch {
    return false;
  }
}

function to(host: string, port: string, notes: string[]): ConnectOptions {
  return { host, port, deadlineMs: DEADLINE_MS, onNote: (text) => notes.push(text) };
}

/** A resolver that knows these names, and otherwise does what the real one does. */
/** A note as it is on a host with a name service: without one, an unknown name may be known later. */
function online(note: string): string {
  return note.replace("Temporary failure in name resolution", "Name or service not known");
}

function names(table: Record<string, string[]>): typeof resolve {
  return (name) => {
    if (table[name] !== undefined) return Promise.resolve(table[name]);
    return name.endsWith(".test") ? resolve("no.such.invalid") : resolve(name);
  };
}

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof NetError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}
