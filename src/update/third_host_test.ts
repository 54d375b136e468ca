/** Three hosts: what pairs of them cannot know by marks alone (state/told.ts). */
import assert from "node:assert/strict";
import { Lan, LanHost } from "../../tests/support/lan.ts";
import type { DiskPath, HostName } from "../model/mod.ts";
import { rememberTold, supersedeTold, told } from "../state/mod.ts";

interface Three {
  readonly lan: Lan;
  readonly a: LanHost;
  readonly b: LanHost;
  readonly c: LanHost;
}

function three(name: string, work: (hosts: Three) => Promise<void>, group = ""): void {
  Deno.test(name, async () => {
    await using lan = await Lan.open({ group });
    const [a, b, c] = lan.hosts as [LanHost, LanHost, LanHost];
    await work({ lan, a, b, c });
  });
}

let time = 1_600_000_000;
/** Later than all before, whatever the clock says. */
function write(host: LanHost, content: string, at = time++): void {
  Deno.writeTextFileSync(host.path("f"), content);
  Deno.utimeSync(host.path("f"), at, at);
}

/** `-c`, and `-u -P` of one peer. */
async function tell(from: LanHost, to: LanHost): Promise<void> {
  await from.check();
  await from.update({ onlyPeers: [to.name] });
}

function contents({ lan }: Three): (string | undefined)[] {
  return lan.hosts.map((host) => host.tree()["f"]);
}

async function marks({ lan }: Three): Promise<string[]> {
  return (await Promise.all(lan.hosts.map((host) => host.marks()))).flat();
}

/** All have `zero`; A's `one` reaches B, what `change` makes of it C, then A's pending mark C, B's A. */
async function stalePush(hosts: Three, change: (b: LanHost) => void): Promise<void> {
  const { a, b, c } = hosts;
  write(a, "zero");
  await a.sync();
  write(a, "one");
  await tell(a, b);
  change(b);
  await tell(b, c);
  await a.update({ onlyPeers: [c.name] });
  await tell(b, a);
  assert.equal(c.tree()["f"], "one", "the old version is over the newer one");
  assert.deepEqual(await marks(hosts), [], "and no host has a mark");
}

three("a pending push over a newer version of a third host is set right", async (hosts) => {
  await stalePush(hosts, (b) => write(b, "two"));
  assert.deepEqual(contents(hosts), ["two", "two", "one"]);
  await hosts.a.update();
  assert.deepEqual(contents(hosts), ["two", "two", "two"]);
  assert.deepEqual([await marks(hosts), await hosts.a.test(), await hosts.b.test()], [[], [], []]);
});

three("a pending push of what a third host has removed is set right", async (hosts) => {
  await stalePush(hosts, (b) => Deno.removeSync(b.path("f")));
  assert.deepEqual(contents(hosts), [undefined, undefined, "one"]);
  await hosts.a.update();
  assert.deepEqual(contents(hosts), [undefined, undefined, undefined]);
});

three("a pending push of what a third host made a link is set right", async (hosts) => {
  await stalePush(hosts, (b) => {
    Deno.removeSync(b.path("f"));
    Deno.symlinkSync("elsewhere", b.path("f"));
  });
  await hosts.a.update();
  assert.deepEqual(contents(hosts), Array(3).fill("link elsewhere"));
});

three(
  "what the third host has changed since is its own, and wins over nothing silently",
  async (hosts) => {
    const { a, b, c } = hosts;
    await stalePush(hosts, (b) => write(b, "two"));
    write(c, "mine");
    await a.update(); // C sees its own change and refuses
    assert.equal(c.tree()["f"], "mine");
    assert.deepEqual(await a.marks(), []);
    for (const host of [c, a, b]) await host.sync();
    assert.deepEqual(contents(hosts), ["mine", "mine", "mine"]);
    assert.deepEqual(await marks(hosts), []);
  },
);

three("a version that somebody else has sent since is left alone", async (hosts) => {
  const { a, b, c } = hosts;
  await stalePush(hosts, (b) => write(b, "two"));
  write(b, "three");
  await tell(b, c);
  await a.update();
  assert.deepEqual(contents(hosts), ["two", "three", "three"]);
  await b.update();
  await a.update();
  assert.deepEqual(contents(hosts), ["three", "three", "three"]);
});

three("a dry run and another path leave it for the next run", async (hosts) => {
  const { a } = hosts;
  await stalePush(hosts, (b) => write(b, "two"));
  await a.update({ dryRun: true });
  await a.update({ targets: [{ path: a.path("g") as DiskPath, recursive: false }] });
  assert.equal(contents(hosts)[2], "one");
  await a.update();
  assert.equal(contents(hosts)[2], "two");
});

three("a third host that cannot be reached is looked at later", async (hosts) => {
  const { a, c } = hosts;
  await stalePush(hosts, (b) => write(b, "two"));
  c.isDown = true;
  await a.update();
  c.isDown = false;
  await a.update();
  assert.equal(contents(hosts)[2], "two");
});

three(
  "an old backup with its old time goes to all, also when it was there before",
  async (hosts) => {
    const { a, b, c } = hosts;
    const old = time++;
    write(a, "old", old);
    await a.sync();
    write(b, "new");
    await b.sync();
    await a.update();
    assert.deepEqual(contents(hosts), ["new", "new", "new"]);
    write(a, "old", old);
    await a.sync();
    for (const host of [c, b, a]) await host.sync();
    assert.deepEqual(contents(hosts), ["old", "old", "old"]);
    assert.deepEqual(await marks(hosts), []);
  },
);

three("who passes the same name on again and again marks it instead", async (hosts) => {
  const { a, c } = hosts;
  write(a, "one");
  await a.sync();
  await using state = await a.openState();
  const name = LanHost.dbName("f"), peer = c.name;
  await state.transaction(async (tx) => {
    const entry = { kind: "absent", because: "leaf" } as const;
    await rememberTold(tx, [told({ name, peer }, { entry, relays: 3 })]);
    await supersedeTold(tx, name, "b.demo" as HostName);
  });
  await a.update();
  assert.deepEqual(await a.marks(), ["c f"]);
  await a.update();
  assert.deepEqual(await a.marks(), []);
});

three("what cannot be put right is marked, for all to see", async (hosts) => {
  const { a, lan } = hosts;
  await stalePush(hosts, (b) => write(b, "two"));
  Deno.removeSync(`${lan.root}/copies`, { recursive: true });
  Deno.writeTextFileSync(`${lan.root}/copies`, "a file in the way of the copies");
  await a.update();
  assert.deepEqual(await a.marks(), ["c f"]);
  assert.ok(a.reporter.errors > 0);
}, "backup-directory ROOT/copies; backup-generations 2;");

three("-T shows a conflict of two files with equal records", async (hosts) => {
  const { a, b, c } = hosts;
  write(a, "one", 1_500_000_000);
  write(b, "two", 1_500_000_000);
  await a.check();
  await b.check();
  await a.update({ onlyPeers: [b.name] });
  assert.deepEqual(a.reporter.errors, 1);
  await a.update({ onlyPeers: [c.name] });
  assert.deepEqual((await a.records())["f"], (await b.records())["f"]);
  const pairs = async (host: LanHost) =>
    (await host.test()).map((line) => line.replaceAll(".demo", "").replaceAll("\t", " "));
  assert.deepEqual(await pairs(a), ["X a b f"]);
  assert.deepEqual(await pairs(b), ["X b a f", "X b c f"]);
  assert.deepEqual(await pairs(c), []);
}, "auto younger;");

three("D 7.3.2 an include root that a peer removed is no fault elsewhere", async (hosts) => {
  const { a, b, c } = hosts;
  const sync = async (...some: readonly LanHost[]) => {
    for (const host of some) {
      await host.check();
      assert.equal(host.reporter.errors, 0);
      await host.update(); // A looks at what C has made of what it got from A
      assert.equal(host.reporter.errors, 0);
    }
  };
  write(a, "zero");
  await sync(a, b, c);
  Deno.removeSync(b.path(""), { recursive: true });
  await b.check({ allowsRemovals: true });
  await sync(b, a, c, b, a);
  Deno.mkdirSync(c.path(""));
  write(c, "one");
  await sync(c, a, b);
  assert.deepEqual(contents(hosts), ["one", "one", "one"]);
  Deno.removeSync(a.path(""), { recursive: true });
  await a.check();
  assert.equal(a.reporter.errors, 1, "it is missed again");
});
