import assert from "node:assert/strict";
import { connect, inheritedListener, listen, type Listener, NetError } from "./mod.ts";
import { denoWords, superServer } from "../../tests/support/spawner.ts";

const HOST = "127.25.4.1";
const SYSTEMD_ECHO = new URL("../../tests/support/programs/activated_echo.ts", import.meta.url);

Deno.test("D 7.5.5 listen() without a name takes IPv4 and, where there is one, IPv6", async () => {
  using listener = await listen({ port: "0" });
  const port = String(listener.address.port);
  const seen: string[] = [];
  const served = serve(listener, 2, (address) => seen.push(address));
  for (const host of listener.address.address === "::" ? [HOST, "::1"] : [HOST, HOST]) {
    await using duplex = await connect({ host, port, deadlineMs: 5_000 });
    assert.equal(await duplex.readLine(100), "hello");
  }
  await served;
  assert.match(seen[0]!, /^127\./, "mapped addresses are shown as IPv4");
});

Deno.test("listen() refuses an address in use and one of another host", async () => {
  using listener = await listen({ host: HOST, port: "0" });
  const port = String(listener.address.port);
  await rejects(listen({ host: HOST, port }), "net/bind", /Address already in use/);
  await rejects(listen({ host: "192.0.2.1", port }), "net/bind", /192\.0\.2\.1/);
  await rejects(listen({ host: "no.such.invalid", port }), "net/resolve");
  await rejects(listen({ host: HOST, port: "nosuchservice" }), "net/port");
});

Deno.test("listen() can be repeated on the port of an earlier server at once", async () => {
  const first = await listen({ host: HOST, port: "0" });
  const port = String(first.address.port);
  const served = serve(first, 1);
  await using duplex = await connect({ host: HOST, port, deadlineMs: 5_000 });
  await served;
  first.close();
  using second = await listen({ host: HOST, port });
  assert.equal(String(second.address.port), port);
  assert.equal(await duplex.readLine(100), "hello");
});

Deno.test("accept() ends when the listener is closed", async () => {
  const listener = await listen({ host: HOST, port: "0" });
  const accepted = listener.accept().next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  listener.close();
  listener.close();
  assert.equal((await accepted).done, true);
});

Deno.test("listenOn() serves on the socket that systemd passed", async () => {
  const words = denoWords(SYSTEMD_ECHO.pathname);
  await using server = await superServer("systemd", { host: HOST, words });
  const { port } = server;
  for (const line of ["one", "two"]) {
    await using duplex = await connect({ host: HOST, port, deadlineMs: 10_000 });
    await duplex.write(`${line}\n`);
    assert.match(await duplex.readLine(100) ?? "", new RegExp(`^127\\.[0-9.]+ ${line}$`));
  }
  assert.equal(JSON.parse(await server.output()).port, Number(port));
});

Deno.test("inheritedListener() believes only variables that are meant for this process", () => {
  const at = (pairs: Record<string, string>) =>
    inheritedListener({ get: (name) => pairs[name] }, 7);
  assert.equal(at({}), undefined);
  assert.equal(at({ LISTEN_FDS: "1" }), undefined);
  assert.equal(at({ LISTEN_FDS: "1", LISTEN_PID: "8" }), undefined);
  assert.equal(at({ LISTEN_FDS: "1", LISTEN_PID: "7" }), 3);
  assert.equal(at({ LISTEN_FDS: "0", LISTEN_PID: "7" }), undefined);
  assert.equal(at({ LISTEN_FDS: "x", LISTEN_PID: "7" }), undefined);
  assert.throws(() => at({ LISTEN_FDS: "2", LISTEN_PID: "7" }), { code: "net/bind" });
});

async function serve(
  listener: Listener,
  count: number,
  onPeer: (address: string) => void = () => {},
): Promise<void> {
  for await (const duplex of listener.accept()) {
    onPeer(duplex.peer!.address);
    await duplex.write("hello\n");
    await duplex.end();
    if (--count === 0) return;
  }
}

async function rejects(work: Promise<unknown>, code: string, message = /./): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof NetError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}
