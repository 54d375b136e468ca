import assert from "node:assert/strict";
import { connect, makeCertificate, upgrade } from "./mod.ts";
import { denoWords, superServer } from "../../tests/support/spawner.ts";

const HOST = "127.25.3.1", OWN = "127.25.3.9";
const ECHO = new URL("../../tests/support/programs/stdio_echo.ts", import.meta.url).pathname;

Deno.test("stdioDuplex() speaks over inetd's socket, and nothing else reaches the peer", async () => {
  await using server = await superServer("inetd", { host: HOST, words: denoWords(ECHO) });
  const { port } = server;
  await using duplex = await connect({ host: HOST, port, bindAs: OWN, deadlineMs: 10_000 });
  const { address } = JSON.parse(await duplex.readLine(100) ?? "null");
  assert.ok([OWN, "127.0.0.1"].includes(address), address);
  await duplex.write("one\ntwo\n");
  assert.equal(await duplex.readLine(100), "echo one");
  assert.equal(await duplex.readLine(100), "echo two");
  await duplex.end();
  await server.output();
});

Deno.test("stdioDuplex() can be encrypted", async () => {
  await using server = await superServer("inetd", { host: HOST, words: denoWords(ECHO) });
  const plain = await connect({ host: HOST, port: server.port, deadlineMs: 10_000 });
  await plain.readLine(100);
  await plain.write("SSL\n");
  assert.equal(await plain.readLine(100), "echo SSL");
  const identity = await makeCertificate({ commonName: "client.test" });
  const options = { role: "client", ...identity, deadlineMs: 10_000 } as const;
  await using duplex = await upgrade(plain, options);
  await duplex.write("secret\n");
  assert.equal(await duplex.readLine(100), "echo secret");
});

const PIPE_CASES = [
  { name: "IPv4", ssh: "127.25.3.7 5555 22", want: { address: "127.25.3.7", port: 5555 } },
  { name: "mapped", ssh: "::ffff:10.0.0.1 1 22", want: { address: "10.0.0.1", port: 1 } },
  { name: "IPv6", ssh: "2001:db8::1 99 22", want: { address: "2001:db8::1", port: 99 } },
  { name: "a name", ssh: "evil.example 99 22", want: null },
  { name: "nothing", ssh: "", want: null },
];
for (const { name, ssh, want } of PIPE_CASES) {
  Deno.test(`stdioDuplex() over pipes takes the peer from SSH_CLIENT: ${name}`, async () => {
    const lines = await runWithInput("hello\n", { SSH_CLIENT: ssh });
    assert.deepEqual(JSON.parse(lines[0]!), want);
    assert.deepEqual(lines.slice(1), ["echo hello", ""]);
  });
}

Deno.test("stdioDuplex() refuses a file and a device in the words of csync2", async () => {
  const [command, ...args] = denoWords(ECHO);
  for (const input of ["/dev/null", "/etc/passwd"]) {
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", `exec "$@" < ${input} | cat`, "sh", command!, ...args],
      env: { NO_COLOR: "1" },
    }).output();
    assert.ok(success); // of cat
    assert.match(text(stderr), /I'm only talking to sockets or pipes! (2|8)1[0-9a-f]{2}/);
  }
});

async function runWithInput(input: string, env: Record<string, string>): Promise<string[]> {
  const [command, ...args] = denoWords(ECHO);
  const child = new Deno.Command(command!, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return text((await child.output()).stdout).split("\n");
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
