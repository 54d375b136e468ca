/**
 * Mutated sessions against a running server and a running client: nobody crashes, hangs, keeps descriptors or memory,
 * or touches what is outside. `CSYNC2_FUZZ_SESSIONS` makes it longer, `CSYNC2_FUZZ_SEED` repeats a run.
 */
import assert from "node:assert/strict";
import { contentOf, deltaFor, sameContentAs } from "../../src/delta/mod.ts";
import {
  CsyncError,
  type DbName,
  fromBytes,
  type HostName,
  type Key,
  nanos,
  toBytes,
} from "../../src/model/mod.ts";
import { connect, type Duplex, duplexPair } from "../../src/net/mod.ts";
import { connectPeer, type Peer } from "../../src/protocol/mod.ts";
import { Cluster, KEY } from "../support/cluster.ts";
import { member } from "../support/raw_peer.ts";
import { literal } from "../support/serving.ts";

const SESSIONS = Number(Deno.env.get("CSYNC2_FUZZ_SESSIONS") ?? "300");
const SEED = Number(Deno.env.get("CSYNC2_FUZZ_SEED") ?? `${Date.now() % 1_000_000}`);
const AT_ONCE = 16;
const OURS = { kind: "ours" } as const;

/** Numbers from 0 to `below`, reproducible (mulberry32). */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = state + 0x6d2b79f5 >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t = (t + Math.imul(t ^ t >>> 7, t | 61)) ^ t;
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * below);
  };
}

const NUMBERS = [
  "-1",
  "0",
  "4294967295",
  "-2147483648",
  "9223372036854775807",
  "1e9",
  "99999999999999999999",
];
const NAMES = [
  "/../../etc/x",
  "//",
  "/%00",
  "/%2e%2e/x",
  "/" + "n".repeat(5000),
  "%25p%25/x",
  "/out/secret",
  "/up/secret",
];

/** One to six changes of a text of bytes. */
function mutated(text: string, roll: (below: number) => number): string {
  for (let left = 1 + roll(6); left > 0; left--) {
    const at = roll(text.length + 1), to = Math.min(text.length, at + 1 + roll(40));
    const [before, piece, after] = [text.slice(0, at), text.slice(at, to), text.slice(to)];
    switch (roll(9)) {
      case 0:
        text = before + String.fromCharCode(roll(256)) + after;
        break;
      case 1:
        text = before + after;
        break;
      case 2:
        text = before + piece + piece + piece + after;
        break;
      case 3:
        text = before;
        break;
      case 4:
        text = text.replace(/\d+/g, (n) => roll(4) === 0 ? NUMBERS[roll(NUMBERS.length)]! : n);
        break;
      case 5: {
        const lines = text.split("\n");
        lines.splice(roll(lines.length), 0, lines[roll(lines.length)]!);
        text = lines.join("\n");
        break;
      }
      case 6:
        text = before + Array.from({ length: roll(30_000) }, () =>
          String.fromCharCode(roll(256))).join("") +
          piece + after;
        break;
      case 7:
        text = before + NAMES[roll(NAMES.length)]! + after;
        break;
      case 8:
        text = before + ["\n", " ", "octet-stream 5\n", "ERROR\n", "HELLO b.demo\n"][roll(5)]! +
          after;
    }
  }
  return text;
}

/** What clients of all kinds say. */
function sessions(root: string): string[] {
  const start = ["CONFIG ", "CONFIG \nATOMICPATCH", "SSL\nCONFIG ", "CONFIG \nGROUP demo"];
  const delta = (content: string) => {
    const bytes = literal(content);
    return `octet-stream ${bytes.length}\n${fromBytes(bytes)}`;
  };
  const copy = fromBytes(new Uint8Array([0x72, 0x73, 2, 0x36, 0x45, 0, 3, 0x45, 1, 2, 0]));
  const bodies = [
    `SIG ${KEY} ${root}/f\nGETTM ${KEY} ${root}/f\nGETSZ ${KEY} ${root}/f\nLIST b.demo - ${KEY}\nTYPE ${KEY} ${root}/f`,
    `PATCH ${KEY} ${root}/new\n${
      delta("hello")
    }SETOWN ${KEY} ${root}/new 0 0\nSETMOD ${KEY} ${root}/new 420\nSETIME ${KEY} ${root}/new 5`,
    `PATCH ${KEY} ${root}/f\noctet-stream ${copy.length}\n${copy}DEL ${KEY} ${root}/f`,
    `ATOMICPATCH ${KEY} ${root}/g 0 0 33188 1600000000000000000\n${
      delta("x".repeat(3000))
    }MKDIR ${KEY} ${root}/d 0 0 16877 0\nDEL ${KEY} ${root}/d`,
    `MKLINK ${KEY} ${root}/l /etc\nMKFIFO ${KEY} ${root}/p\nMKCHR ${KEY} ${root}/c 259\nSETMOD ${KEY} ${root}/l 511\nPATCH ${KEY} ${root}/l/passwd\n${
      delta("bad")
    }`,
    `MARK ${KEY} ${root}/f\nFLUSH ${KEY} ${root}/f\nDEL ${KEY} ${root}/l\nDEL ${KEY} ${root}/p\nDEL ${KEY} ${root}/c`,
  ];
  return start.flatMap((line) => bodies.map((body) => `${line}\nHELLO a.demo\n${body}\nBYE\n`));
}

/** Says `text` at once and hears everything; nobody waits longer than the server takes. */
async function say(port: number, text: string, isAbrupt: boolean): Promise<number> {
  let duplex: Duplex | undefined;
  let heard = 0;
  try {
    duplex = await connect({
      host: "b.demo",
      port: `${port}`,
      bindAs: "a.demo",
      deadlineMs: 10_000,
      idleMs: 10_000,
    });
    const written = duplex.write(toBytes(text)).then(() => duplex!.flush()).catch(() => {});
    if (!isAbrupt) {
      const ended = written.then(() => duplex!.end()).catch(() => {});
      for (let piece; (piece = await duplex.readSome(65_536)) !== undefined;) heard += piece.length;
      await ended;
    } else await written;
  } catch (error) {
    if (/within 10000 ms/.test(`${error}`)) throw error;
  } finally {
    await duplex?.[Symbol.asyncDispose]();
  }
  return heard;
}

function held(pid: number): { fds: number; rssMb: number } {
  const fds = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  const [, kb] = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return { fds, rssMb: Math.round(Number(kb) / 1024) };
}

async function settled(pid: number, like: number): Promise<{ fds: number; rssMb: number }> {
  for (let tries = 0; tries < 100 && held(pid).fds > like; tries++) {
    await new Promise((go) => setTimeout(go, 50));
  }
  return held(pid);
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    try {
      return (await Deno.connect({ hostname: "b.demo", port })).close();
    } catch {
      await new Promise((go) => setTimeout(go, 20));
    }
  }
  throw new Error("The server does not listen");
}

Deno.test("a server survives mutated sessions and keeps nothing of them", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS } });
  const outside = `${cluster.base}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  const before = Deno.statSync(`${outside}/secret`);
  cluster.change("b", `printf 0123456789 > f; ln -s ${outside} out; ln -s .. up`);
  assert.equal((await cluster.run("b", "-cIr", "/")).rc, 0);
  const child = cluster.spawn("b", ["-ii"]);
  const log = new Response(child.stderr).text(), out = new Response(child.stdout).text();
  try {
    await listening(cluster.port);
    const roll = dice(SEED), bases = sessions(cluster.mount);
    const run = async (count: number) => {
      const workers = Array.from({ length: AT_ONCE }, async () => {
        for (; count > 0; count--) {
          const text = mutated(bases[roll(bases.length)]!, roll);
          await say(cluster.port, text, roll(8) === 0);
        }
      });
      await Promise.all(workers);
    };
    await run(Math.min(SESSIONS, 100)); // everything is loaded and warm
    const warm = await settled(child.pid, 0);
    await run(SESSIONS);
    const after = await settled(child.pid, warm.fds);
    assert.ok(after.fds <= warm.fds + 2, `seed ${SEED}: ${warm.fds} -> ${after.fds} descriptors`);
    assert.ok(after.rssMb < warm.rssMb + 150, `seed ${SEED}: ${warm.rssMb} -> ${after.rssMb} MB`);
    await using typist = await member(cluster);
    await typist.expect(`MARK ${KEY} ${cluster.mount}/f`, "OK (cmd_finished).");
    await typist.expect("BYE", "OK (cu_later).");
    const now = Deno.statSync(`${outside}/secret`);
    assert.deepEqual([...Deno.readDirSync(outside)].map((e) => e.name), ["secret"]);
    assert.equal(Deno.readTextFileSync(`${outside}/secret`), "secret");
    assert.deepEqual([now.mode, now.uid, now.mtime], [before.mode, before.uid, before.mtime]);
  } finally {
    child.kill("SIGTERM");
    await child.status;
    const text = await log;
    await out;
    assert.doesNotMatch(text, /Internal error|TypeError|RangeError|at file:/, `seed ${SEED}`);
  }
});

/** The answers of a server of ours, of 2.1.1 and of 2.1-0rc1 to `ask`, in order. */
function answers(): string[] {
  const ok = "OK (cmd_finished).\n", data = "OK (data_follows).\n";
  const sig = fromBytes(
    toBytes("rs\x01\x36\0\0\x08\0\0\0\0\x10" + "\x1c\x25\x05\x2d" + "s".repeat(16)),
  );
  const text = "v1:mtime=0:mode=33188:uid=0:gid=0:type=reg:size=10\n";
  const body = (more: string) =>
    [
      `${data}${text}octet-stream ${sig.length}\n${sig}${ok}`,
      `OK (path_not_found).\n---\noctet-stream 0\n${ok}`,
      `OK (send_data).\noctet-stream ${sig.length}\n${sig}${ok}`,
      `OK (send_data).\noctet-stream 12\n${sig.slice(0, 12)}${ok}`,
      ok.repeat(2),
      `${data}1600000000\n${data}10\n${more}`,
      `v1%3Amtime=1%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=5\t/a\nv1%3Amode=41471%3Atype=lnk\t/b\n${ok}`,
      `${data}some content`,
    ].join("");
  return [
    `${ok}Dear 127.0.0.1, please identify first (csync2 3).\n${ok}${body("")}`,
    `${ok}Dear 127.0.0.1, please identify first.\n${ok}${body("")}`,
    `${ok}Unknown command!\n${ok}${body(ok.repeat(6))}`,
  ];
}

/** Uses everything that a peer can do. */
async function ask(peer: Peer): Promise<void> {
  const key = KEY as string as Key, name = "/t/f" as DbName;
  const content = contentOf(new Uint8Array(3_000));
  const meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1n) };
  const want = { kind: "reg", size: content.size, meta } as const;
  const delta = (signature: AsyncIterable<Uint8Array>) =>
    deltaFor(signature, { content }).catch((error) => {
      if (error instanceof CsyncError) return undefined;
      throw error;
    });
  await peer.identify("a.demo" as HostName);
  const judge = ({ signature }: { signature: AsyncIterable<Uint8Array> }) =>
    sameContentAs(signature, content).catch(() => false);
  const found = await Promise.allSettled([
    peer.look(key, name, judge),
    peer.look(key, name, judge),
    peer.put(key, name, want, delta),
    peer.put(key, name, want, delta, { isNew: true }),
    peer.remove(key, name),
    peer.touch(key, name, nanos(5n)),
    peer.measure(key, name, "mtime"),
    peer.measure(key, name, "size"),
  ]);
  for (const one of found) if (one.status === "rejected") throw one.reason;
  for await (const rows of peer.list("b.demo" as HostName, [key])) if (rows.length > 50_000) break;
  const stream = await peer.content(key, name);
  if (Symbol.asyncIterator in stream) { for await (const _piece of stream); }
}

/** A server that says `text` whatever it hears. */
async function hear(text: string, isOpen: boolean): Promise<unknown> {
  const [client, server] = duplexPair({ idleMs: 150 });
  const far = (async () => {
    const said = server.write(toBytes(text)).then(() => isOpen ? server.flush() : server.end());
    while (isOpen && await server.readSome(65_536) !== undefined);
    await said;
  })().catch(() => {});
  try {
    await using peer = await connectPeer({
      duplex: client,
      configName: "",
      limits: { goodbyeMs: 50 },
    });
    await ask(peer);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await server[Symbol.asyncDispose]();
    await far;
  }
}

Deno.test("a client survives mutated answers: every request ends, with a result or an error of ours", async () => {
  const roll = dice(SEED), bases = answers();
  let failed = 0, left = SESSIONS * 3;
  const run = async () => {
    for (; left > 0; left--) {
      const text = mutated(bases[roll(bases.length)]!, roll);
      const late = Promise.withResolvers<unknown>();
      const timer = setTimeout(() => late.resolve(new Error("it hangs")), 20_000);
      const error = await Promise.race([hear(text, roll(3) === 0), late.promise]);
      clearTimeout(timer);
      if (error === undefined) continue;
      failed++;
      assert.ok(
        error instanceof CsyncError,
        `seed ${SEED}: ${JSON.stringify(text)}\n${(error as Error).stack}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  assert.ok(failed > 0);
});
