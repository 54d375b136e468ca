/** The whole program on database servers. */
import assert from "node:assert/strict";
import { Cluster, type NodeSpec } from "../support/cluster.ts";
import {
  DatabaseServer,
  installedServers,
  PASSWORD,
  type ServerKind,
} from "../support/database_server.ts";

const kinds = installedServers();
const servers = new Map<ServerKind, DatabaseServer>();

Deno.test.beforeAll(async () => {
  for (const kind of kinds) servers.set(kind, await DatabaseServer.start(kind));
});
Deno.test.afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

function on(kind: ServerKind, database = ""): NodeSpec {
  const server = servers.get(kind);
  assert.ok(server);
  return { kind: "ours", database: server.url(database) };
}

async function sync(cluster: Cluster, from: string): Promise<void> {
  const { rc, stderr } = await cluster.run(from, "-x");
  assert.equal(rc, 0, stderr);
  assert.ok(!stderr.includes(PASSWORD));
}

function same(cluster: Cluster, nodes: string): void {
  const [first, ...others] = nodes;
  const want = cluster.dump(first!);
  for (const node of others) assert.equal(cluster.dump(node), want, node);
}

/**
 * Changes at every host, each sent to all others. Each gives the shared file another size: the C program
 * sees no change of the same size in the same second.
 */
async function allDirections(cluster: Cluster, nodes: string): Promise<void> {
  for (const node of nodes) await cluster.start(node);
  for (const [n, node] of [...nodes].entries()) {
    cluster.change(
      node,
      `mkdir -p "d ${node}"; echo ${n} > "d ${node}/ü"; echo x > Name${node}; echo y > name${node}
       ln -s /to "link ${node}"; echo ${node.repeat(n + 1)} > shared`,
    );
    await sync(cluster, node);
    same(cluster, nodes);
  }
  const [first, last] = [nodes.at(0)!, nodes.at(-1)!];
  cluster.change(last, `rm -r "d ${first}" Name${first}`);
  await sync(cluster, last);
  same(cluster, nodes);
  for (const node of nodes) {
    const { rc, stdout } = await cluster.run(node, "-M");
    assert.deepEqual([rc, stdout], [2, ""], node);
  }
}

Deno.test({
  name: "hosts on PostgreSQL, MariaDB and the C program on SQLite sync with each other",
  ignore: kinds.length < 2,
  async fn() {
    const nodes = { a: on("postgresql"), b: on("mariadb"), c: { kind: "c" } as const };
    await using cluster = new Cluster({ nodes });
    await allDirections(cluster, "abc");
  },
});

for (const kind of kinds) {
  Deno.test(`several hosts on one central server have databases of their own (${kind})`, async () => {
    await using cluster = new Cluster({ nodes: { a: on(kind), b: on(kind), c: on(kind) } });
    await allDirections(cluster, "abc");
    const tree = cluster.mount;
    for (const node of "abc") {
      const own = servers.get(kind)!.sql(
        `csync2_${node}_demo`,
        `SELECT count(*) FROM file WHERE filename LIKE '${tree}%'`,
      );
      assert.ok(Number(own) > 10, own);
    }
  });

  Deno.test(`every mode works on a server's database (${kind})`, async () => {
    await using cluster = new Cluster({ nodes: { a: on(kind, "modes"), b: { kind: "ours" } } });
    await cluster.start("b");
    cluster.change("a", "mkdir d; echo 1 > d/f; printf x > \"$(printf 'bad\\377')\"");
    const run = async (...args: string[]) => {
      const { rc, stdout, stderr } = await cluster.run("a", ...args);
      return { rc, lines: stdout.split("\n").filter((line) => line !== ""), stderr };
    };
    assert.equal((await run("-h", "@/d")).rc, 0);
    assert.deepEqual((await run("-H")).lines, [`0\t${cluster.mount}/d`]);
    assert.equal((await run("-cr", "@")).rc, 0);
    assert.deepEqual((await run("-L")).lines.map((line) => line.split("/").at(-1)), [
      "mount",
      "bad\xff",
      "d",
      "f",
    ]);
    assert.equal((await run("-M")).lines.length, 4);
    assert.equal((await run("-f", "@/d/f")).rc, 0);
    assert.match((await run("-M")).lines.at(-1) ?? "", /^force\t/);
    assert.equal((await run("-u")).rc, 0);
    same(cluster, "ab");
    assert.equal((await run("-T")).rc, 2);
    assert.equal((await run("-R")).rc, 0);
    assert.equal((await run("-m", "@/d")).rc, 0);
    assert.equal((await run("-M")).lines.length, 1);
    assert.equal((await run("-u")).rc, 0);
    assert.equal((await run("-M")).rc, 2);
  });

  Deno.test(`a password comes from the environment, and is in no output (${kind})`, async () => {
    const server = servers.get(kind)!;
    const scheme = kind === "mariadb" ? "mariadb" : "pgsql";
    const database = `${scheme}://csync2@${server.host}:${server.port}/environment`;
    await using cluster = new Cluster({ nodes: { a: { kind: "ours", database } } });
    const [program = "", ...args] = cluster.words("a", ["-M", "-vvvv"]);
    for (const [password, want] of [[PASSWORD, 2], ["wr0ng", 1]] as const) {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args,
        env: { ...cluster.environment("a"), CSYNC2_DATABASE_PASSWORD: password },
        clearEnv: true,
        cwd: "/",
      }).output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.equal(code, want, text);
      assert.ok(!text.includes(password), text);
    }
  });
}

for (const kind of kinds) {
  Deno.test(`ten processes check and push at once on one database: no mark is lost (${kind})`, async () => {
    await using cluster = new Cluster({ nodes: { a: on(kind, "ten"), b: { kind: "ours" } } });
    await cluster.start("b");
    for (let round = 0; round < 2; round++) {
      cluster.change(
        "a",
        `for d in 0 1 2 3 4; do mkdir -p $d; for f in $(seq 15); do echo ${round} $f > $d/$f; done; done
         rm -f ${round}/7`,
      );
      const runs = Array.from(
        { length: 10 },
        (_, n) => n % 2 === 0 ? cluster.run("a", "-xB") : cluster.run("a", "-cr", `@/${n % 5}`),
      );
      for (const { rc, stderr } of await Promise.all(runs)) {
        assert.doesNotMatch(stderr, /deadlock|Database Error|exceedingly busy/);
        assert.ok(rc === 0 || rc === 1, stderr);
      }
      // What two of them fought for is left to the next run.
      await sync(cluster, "a");
      same(cluster, "ab");
      assert.equal((await cluster.run("a", "-M")).rc, 2);
      assert.equal((await cluster.run("a", "-T")).rc, 2);
    }
  });
}
