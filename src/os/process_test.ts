import { equal, ok, throws } from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";
import { tree } from "../../tests/support/tree.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { openAt } from "./directory.ts";
import { F_SETFD, O_RDONLY, O_RDWR } from "./flags.ts";
import { rare } from "./libc.ts";
import {
  checkDescriptor,
  closeOnExec,
  commandLine,
  currentDirectory,
  descriptorKind,
  hostName,
  peerAddress,
  signalGroup,
  tryLock,
  unlock,
} from "./process.ts";

Deno.test("hostName() and currentDirectory() are the system's", () => {
  equal(hostName(), Deno.hostname());
  equal(currentDirectory(), Deno.cwd());
});

Deno.test("currentDirectory() is real and raw", () => {
  using t = tree({ "D\xff/": "" });
  const script = `import { currentDirectory } from ${
    JSON.stringify(import.meta.resolve("./process.ts"))
  };
    try { console.log(JSON.stringify(currentDirectory())); } catch (e) { console.log(e.code); }`;
  const program = t.join("p.ts");
  Deno.writeTextFileSync(program, script);
  const run = (prepare: string) => {
    const { stdout, stderr } = new Deno.Command("sh", {
      args: ["-c", `${prepare} && exec "$0" run -A --no-prompt "$1"`, Deno.execPath(), program],
      cwd: t.path,
      env: { NO_COLOR: "1" },
    }).outputSync();
    return (new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)).trim();
  };
  equal(run(`ln -s / r && cd r/tmp`), JSON.stringify("/tmp"));
  equal(run(`cd "$(printf 'D\\377')"`), JSON.stringify(`${t.path}/D\xff`));
});

Deno.test("peerAddress() tells who is at the other end", async () => {
  for (
    const [hostname, want] of [
      ["127.21.0.1", { family: "inet", host: "127.21.0.1" }],
      ["::1", { family: "inet6", host: "::1" }],
    ] as const
  ) {
    using server = Deno.listen({ hostname, port: 0 });
    const before = sockets();
    using client = await Deno.connect({ hostname, port: server.addr.port });
    const found = addressesSince(before);
    ok(
      found.some((a) => isDeepStrictEqual(a, { ...want, port: server.addr.port })),
      inspect(found),
    );
    (await server.accept()).close();
    ok(client);
  }
});

Deno.test("peerAddress() gives an IPv4 peer of an IPv6 socket as IPv4", async () => {
  using server = Deno.listen({ hostname: "::", port: 0 });
  using client = await Deno.connect({ hostname: "127.21.0.1", port: server.addr.port });
  const before = sockets();
  using accepted = await server.accept();
  const { port } = client.localAddr;
  const found = addressesSince(before);
  ok(
    found.some((a) => isDeepStrictEqual(a, { family: "inet", host: "127.0.0.1", port })),
    inspect(found),
  );
  ok(accepted);
});

Deno.test("peerAddress() knows unix sockets and what is no socket", async () => {
  using t = tree({ F: "" });
  using server = Deno.listen({ transport: "unix", path: t.join("S") });
  const before = sockets();
  using client = await Deno.connect({ transport: "unix", path: t.join("S") });
  const found = addressesSince(before);
  ok(found.some((a) => isDeepStrictEqual(a, { family: "unix" })), inspect(found));
  using file = openAt(t.join("F"), { flags: O_RDONLY });
  equal(peerAddress(file.number), undefined);
  throws(() => peerAddress(9999), { code: "os/EBADF" });
  (await server.accept()).close();
  ok(client);
});

function sockets(): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name)).filter((fd) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).sort((a, b) => a - b);
}

/** Peers of the sockets that are not among `before`: ours, and what other threads of this process opened. */
function addressesSince(before: readonly number[]): unknown[] {
  return sockets().filter((fd) => !before.includes(fd)).map((fd) => {
    try {
      equal(descriptorKind(fd), "sock");
      return peerAddress(fd);
    } catch (error) {
      return error; // of another thread, closed meanwhile
    }
  });
}

Deno.test("checkDescriptor() and descriptorKind() refuse what is not open", () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDONLY });
  checkDescriptor(file.number);
  equal(descriptorKind(file.number), "reg");
  equal(file.isOpen, true);
  throws(() => checkDescriptor(9999), { code: "os/EBADF", text: "Bad file descriptor" });
  throws(() => checkDescriptor(-1), { code: "os/EBADF" });
  throws(() => descriptorKind(9999), { code: "os/EBADF" });
  throws(() => closeOnExec(9999), { code: "os/EBADF" });
});

Deno.test("closeOnExec() keeps a descriptor from the programs we start", () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDONLY });
  const flags = () => Deno.readTextFileSync(`/proc/self/fdinfo/${file.number}`);
  rare().fcntl(file.number, F_SETFD, 0);
  ok(!/flags:\s*02\d{6}/.test(flags()));
  closeOnExec(file.number);
  ok(/flags:\s*02\d{6}/.test(flags()));
});

Deno.test("tryLock() excludes others until released, without waiting", async () => {
  using t = tree({ F: "" });
  using one = openAt(t.join("F"), { flags: O_RDWR });
  using two = openAt(t.join("F"), { flags: O_RDWR });
  equal(tryLock(one, "F"), true);
  equal(tryLock(two, "F"), false);
  equal(tryLock(two, "F", { shared: true }), false);
  unlock(one, "F");
  equal(tryLock(two, "F", { shared: true }), true);
  equal(tryLock(one, "F", { shared: true }), true);
  equal(tryLock(one, "F"), false);
  const broken = await failsAt(0, () => tryLock(one, "F"), { errno: "ENOLCK" });
  equal((broken.error as { code: string }).code, "os/ENOLCK");
});

Deno.test("signalGroup() ends what a leader has started, and tells when nobody is left", async () => {
  const child = new Deno.Command("sh", {
    args: ["-c", "sleep 61.31 & echo $!; trap '' TERM; while :; do wait; sleep 1; done"],
    stdout: "piped",
    detached: true,
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // both run
  equal(signalGroup(child.pid, "SIGTERM"), true);
  equal(signalGroup(child.pid, "SIGKILL"), true);
  equal((await child.status).success, false);
  while (!(await reader.read()).done); // the one behind it held the pipe as well
  const short = new Deno.Command("true", { detached: true }).spawn();
  await short.status;
  equal(signalGroup(short.pid, "SIGKILL"), false);
  for (const bad of [0, 1, -5, NaN]) throws(() => signalGroup(bad, "SIGTERM"), RangeError);
});

Deno.test("commandLine() has every word of the process, without further permissions", {
  permissions: { read: true, ffi: true, sys: true },
}, () => {
  const words = new TextDecoder().decode(commandLine()).split("\0");
  equal(words.pop(), "");
  ok(words.includes("test"), words.join(" "));
});
