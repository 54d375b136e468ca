/** Who am I: the whole decision, with another name service and other addresses (D 7.1.17). */
import assert from "node:assert/strict";
import { ConfigError } from "../config/mod.ts";
import { NetError } from "../net/mod.ts";
import { loadOwnConfig, LOOKUP_DEADLINE_MS, type Neighbourhood, ownName } from "./own_config.ts";

const HERE = ownName({ hostName: undefined }).toLowerCase();
const OTHERS = "host web1 web2@web2-lan web3;";

interface World {
  /** Name -> addresses; "unknown" and "silent" are what a name service does instead. */
  readonly names?: Readonly<Record<string, readonly string[] | "unknown" | "silent">>;
  readonly own?: readonly string[];
  readonly hosts?: string;
  readonly top?: string;
  readonly hostName?: string;
  readonly quick?: readonly string[];
  readonly groups?: readonly string[];
}

function answer(name: string, known: World["names"]): Promise<readonly string[]> {
  const found = known?.[name] ?? "unknown";
  const message = `Cannot resolve "${name}"`;
  if (found === "silent") {
    return Promise.reject(new NetError("timeout", { message, reason: "late" }));
  }
  if (found === "unknown") {
    return Promise.reject(new NetError("resolve", { message, reason: "not known" }));
  }
  return Promise.resolve(found);
}

/** What came out, the lines on the way, and what the name service was asked. */
async function load(
  { names, own = [], hosts = OTHERS, top = "", quick = [], ...options }: World,
) {
  const systemDir = Deno.makeTempDirSync({ prefix: "csync2-own-" });
  const notes: string[] = [], asked: string[] = [];
  const neighbourhood: Neighbourhood = {
    resolve: (name, { deadlineMs }) => {
      assert.ok(deadlineMs > 0 && deadlineMs <= LOOKUP_DEADLINE_MS);
      asked.push(name);
      return answer(name, names);
    },
    isOwnAddress: (address) => own.includes(address),
    isLoopback: (address) => address.startsWith("127."),
    quickNames: new Set(quick),
    atOnce: 2,
  };
  try {
    Deno.writeTextFileSync(`${systemDir}/k`, "k".repeat(40), { mode: 0o600 });
    Deno.writeTextFileSync(
      `${systemDir}/csync2.cfg`,
      `${top}\ngroup g { ${hosts} key k; include /x; }\n`,
    );
    const line = (text: string) => text.replaceAll(systemDir, "etc");
    try {
      const loaded = await loadOwnConfig({
        systemDir,
        configName: "",
        hostName: options.hostName,
        ...(options.groups && { groupFilter: options.groups }),
        onNote: (level, text) => notes.push(line(`${level} ${text}`)),
        neighbourhood: () => Promise.resolve(neighbourhood),
      });
      return { ...loaded, notes, asked, error: undefined };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return {
        config: undefined,
        hostName: undefined,
        bindAs: undefined,
        notes,
        asked,
        error: line(error.line),
      };
    }
  } finally {
    Deno.removeSync(systemDir, { recursive: true });
  }
}

const ADDRESSES = {
  web1: ["10.0.0.1"],
  "web2-lan": ["10.1.0.2", "2001:db8::2"],
  web3: ["10.0.0.3"],
};
const PREFIX = "prefix p { on web2: /two; on *: /other; }";

Deno.test("loadOwnConfig() asks nobody when a group has the system's name", async () => {
  const { config, bindAs, asked, notes } = await load({ hosts: `host web1 ${HERE};` });
  assert.equal(config?.hostName, HERE);
  assert.equal(bindAs, undefined);
  assert.deepEqual(asked, []);
  assert.deepEqual(notes, ["2 Config-File:   etc/csync2.cfg"]);
});

Deno.test("D 7.1.17 loadOwnConfig() never guesses with -N", async () => {
  const { error, asked } = await load({ names: ADDRESSES, own: ["10.0.0.1"], hostName: "zzz" });
  assert.match(
    error!,
    /^This host \(zzz\) is not a member of any configured group\. \(.*web1, web2/,
  );
  assert.deepEqual(asked, []);
  const { config, bindAs } = await load({ hostName: "WEB3" });
  assert.deepEqual([config?.hostName, bindAs], ["web3", "web3"]);
});

Deno.test("D 7.1.17 loadOwnConfig() takes the one host with an address of ours, for everything", async () => {
  const { config, hostName, bindAs, notes, asked } = await load({
    names: ADDRESSES,
    own: ["2001:db8::2", "127.0.0.1"],
    top: PREFIX,
  });
  assert.deepEqual(asked, ["web1", "web2-lan", "web3"]);
  assert.deepEqual([config?.hostName, hostName, bindAs], ["web2", "web2", "web2-lan"]);
  assert.equal(config?.prefixes[0]?.path, "/two");
  const [group] = config!.groups;
  assert.equal(group?.myName, "web2-lan");
  assert.deepEqual(group?.peers.map((p) => [p.name, p.isLeftOfUs]), [["web1", true], [
    "web3",
    false,
  ]]);
  // Nothing is said of what the first reading, under the old name, found.
  assert.deepEqual(notes, [
    "1 My hostname guessed as: web2",
    "2 Config-File:   etc/csync2.cfg",
    "2 Prefix 'p' is set to '/two'.",
  ]);
});

Deno.test("D 7.1.17 loadOwnConfig() takes nobody when several hosts have addresses of ours", async () => {
  const { error } = await load({ names: ADDRESSES, own: ["10.0.0.3", "10.0.0.1"] });
  assert.equal(
    error,
    `This host (${HERE}) is not a member of any configured group. (etc/csync2.cfg: more than one of ` +
      "its hosts has an address of this machine: web1 (10.0.0.1, of this machine), web3 (10.0.0.3, of " +
      "this machine), web2@web2-lan (10.1.0.2 2001:db8::2, not of this machine); say with -N which " +
      "one it is)",
  );
});

Deno.test("D 7.1.17 loadOwnConfig() says what was tried when no host has one", async () => {
  const { error, notes } = await load({ names: { web1: ["10.0.0.1"], web3: "silent" } });
  assert.equal(
    error,
    `This host (${HERE}) is not a member of any configured group. (etc/csync2.cfg: none of its hosts ` +
      "has an address of this machine: web1 (10.0.0.1, not of this machine), web2@web2-lan (not " +
      "known), web3 (no answer within 3 s); say with -N which one it is)",
  );
  assert.deepEqual(notes, ["2 Config-File:   etc/csync2.cfg"]);
});

Deno.test("loadOwnConfig() names those who gave no answer beside the one that it takes", async () => {
  const names = { web1: ["127.0.1.1"], "web2-lan": "silent", web3: "silent" } as const;
  const { config, notes } = await load({ names, own: ["127.0.1.1"], quick: ["web1"] });
  assert.equal(config?.hostName, "web1");
  assert.deepEqual(notes.slice(0, 2), [
    "1 My hostname guessed as: web1",
    "1 The name service did not answer in time for: web2-lan, web3",
  ]);
});

Deno.test("D 7.1.17 loadOwnConfig() believes loopback addresses of /etc/hosts only", async () => {
  const world = { names: { web1: ["127.0.0.1"], web3: ["10.0.0.3"] }, own: ["127.0.0.1"] };
  assert.match((await load(world)).error!, /none of its hosts .*web1 \(127\.0\.0\.1, not of/);
  const both = await load({ ...world, own: ["127.0.0.1", "10.0.0.3"] });
  assert.equal(both.config?.hostName, "web3");
  const numeric = await load({
    ...world,
    hosts: "host web1 me@127.0.0.1;",
    names: {
      ...world.names,
      "127.0.0.1": ["127.0.0.1"],
    },
  });
  assert.equal(numeric.config?.hostName, "me");
});

Deno.test("loadOwnConfig() guesses the same host whatever -G says, and nobody when it is known", async () => {
  const all = { names: ADDRESSES, own: ["10.0.0.1"] };
  assert.equal((await load({ ...all, groups: ["g"] })).config?.hostName, "web1");
  const { error, notes } = await load({ ...all, groups: ["none"] });
  assert.match(error!, /^This host \(web1\) is not a member .*groups asked for: none/);
  assert.equal(notes[0], "1 My hostname guessed as: web1");
  const known = await load({ ...all, hosts: `host web1 ${HERE};`, groups: ["none"] });
  assert.ok(known.error!.startsWith(`This host (${HERE}) is not a member`), known.error);
  assert.deepEqual(known.asked, []);
});

Deno.test("loadOwnConfig() begins with the names that need no name service", async () => {
  const { config, asked } = await load({ names: ADDRESSES, own: ["10.0.0.3"], quick: ["web3"] });
  assert.equal(config?.hostName, "web3");
  assert.deepEqual(asked, ["web3", "web1", "web2-lan"]);
});

Deno.test("loadOwnConfig() asks nobody about a file that cannot be used", async () => {
  const { error, asked } = await load({ names: ADDRESSES, top: "lock-timeout abc;" });
  assert.match(error!, /lock-timeout/);
  assert.deepEqual(asked, []);
  const empty = await load({ hosts: "" });
  assert.match(empty.error!, /there is no group with a host/);
});
