/**
 * Who am I, without -N: hosts whose system name is in no group find their name by their addresses
 * (D 7.1.17), with real name lookups and real addresses, on machines of their own.
 */
import assert from "node:assert/strict";
import { LOOKUPS_AT_ONCE } from "../../src/net/mod.ts";
import { type Machine, type MachineOptions, Machines, writeProgram } from "../support/machines.ts";

const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._\n";
/** Shown with -v at the end of each run. */
const END = "Connection closed.\nFinished with 0 errors.\n";

interface Setting extends MachineOptions {
  /** Words of the host statement. */
  readonly group: string;
  /** Lines of /etc/hosts. */
  readonly hosts: readonly string[];
  readonly top?: string;
}

async function settle(machine: Machine, { group, hosts, top = "" }: Setting): Promise<void> {
  await machine.write("/etc/csync2.key", KEY, "0600");
  await machine.write("/etc/hosts", ["127.0.0.1 localhost", ...hosts, ""].join("\n"));
  await machine.write(
    "/etc/csync2.cfg",
    `nossl * *;\n${top}\ngroup g { host ${group}; key csync2.key; include /srv/data; }\n`,
  );
  await machine.sh("mkdir -p /srv/data");
}

/** One machine whose name no group has, with our program as /usr/sbin/csync2. */
async function alone(all: Machines, setting: Setting): Promise<Machine> {
  writeProgram(`${all.base}/csync2`);
  const machine = await all.add("m", { hostname: "stranger", ...setting });
  await machine.sh(`mount --bind ${all.base}/csync2 /usr/sbin/csync2`);
  await settle(machine, setting);
  return machine;
}

/** What stands in /etc/hosts of the machine, and what it is guessed as. */
const CASES: { name: string; setting: Setting; guessed: string; file?: string }[] = [
  {
    name: "by an IPv4 address",
    setting: {
      group: "web1 web2",
      addresses: ["10.34.0.7/24"],
      hosts: ["10.34.0.7 web2", "10.34.0.8 web1"],
    },
    guessed: "web2",
  },
  {
    name: "by an IPv6 address",
    setting: {
      group: "web1 web2",
      addresses: ["fd34::7/64"],
      hosts: ["fd34::7 web1", "fd34::8 web2"],
    },
    guessed: "web1",
  },
  {
    name: "by one of several addresses",
    setting: {
      group: "web1 web2",
      addresses: ["10.34.0.7/24"],
      hosts: ["198.51.100.1 web1", "fd34::9 web1", "10.34.0.7 web1"],
    },
    guessed: "web1",
  },
  {
    name: "by the address behind @, not by that of the name",
    setting: {
      group: "web1@web1-lan web2@web2-lan",
      addresses: ["10.34.0.7/24", "10.35.0.7/24"],
      hosts: ["10.34.0.7 web1", "10.35.0.7 web2-lan", "10.35.0.8 web1-lan"],
    },
    guessed: "web2",
  },
  {
    name: "by an address that stands in the configuration itself",
    setting: { group: "10.34.0.6 10.34.0.7", addresses: ["10.34.0.7/24"], hosts: [] },
    guessed: "10.34.0.7",
  },
  {
    name: "by a loopback address, as Debian gives it to a host's own name",
    setting: {
      group: "web1 web2",
      addresses: ["10.34.0.7/24"],
      hosts: ["127.0.1.1 web1", "10.34.0.8 web2"],
    },
    guessed: "web1",
  },
];
for (const { name, setting, guessed } of CASES) {
  Deno.test(`D 7.1.17 the own name is found ${name}`, async () => {
    await using all = new Machines();
    const machine = await alone(all, setting);
    const { rc, stderr } = await machine.run("csync2 -Mv");
    assert.deepEqual([rc, stderr], [2, `My hostname guessed as: ${guessed}\n${END}`]);
    assert.equal(
      (await machine.sh("ls /var/lib/csync2/*.db3")).trim(),
      `/var/lib/csync2/${guessed}.db3`,
    );
  });
}

Deno.test("D 7.1.17 with ip_nonlocal_bind, where everything binds, nobody else's name is taken", async () => {
  await using all = new Machines();
  const machine = await alone(all, {
    group: "web1 web2",
    addresses: ["10.34.0.7/24"],
    hosts: ["10.34.0.8 web2", "0.0.0.0 web1"],
  });
  await machine.sh("mount -t sysfs none /sys; echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind");
  const { rc, stderr } = await machine.run("csync2 -Mv");
  assert.equal(
    stderr,
    "This host (stranger) is not a member of any configured group. (/etc/csync2.cfg: none of its " +
      "hosts has an address of this machine: web1 (0.0.0.0, not of this machine), web2 (10.34.0.8, not " +
      "of this machine); say with -N which one it is)\n",
  );
  assert.equal(rc, 1);
});

/**
 * A name service that hears everything and never answers, for as long as the command behind it runs;
 * then it tells how many questions it heard.
 */
const SILENT = `
import socket, subprocess, sys
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53))
code = subprocess.run(sys.argv[1:]).returncode
dns.setblocking(False)
heard = 0
try:
    while dns.recv(4096): heard += 1
except BlockingIOError: pass
open("/run/heard", "w").write(str(heard))
sys.exit(code)
`;

/** Runs the command with nothing but a silent name service; one lookup after the other would take minutes. */
async function inSilence(machine: Machine, command: string) {
  await machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
  await machine.write("/run/silent.py", SILENT);
  const ran = await machine.run(`python3 /run/silent.py ${command}`, { seconds: 45 });
  return { ...ran, heard: Number(await machine.sh("cat /run/heard")) };
}

const SIXTY = Array.from({ length: 60 }, (_, at) => `far${at}`);

Deno.test("D 7.1.17 sixty names without an answer hold up nobody: they are asked for side by side", async () => {
  await using all = new Machines();
  const machine = await alone(all, {
    group: [...SIXTY, "web1"].join(" "),
    hosts: ["127.34.0.1 web1"],
  });
  const { rc, stderr, heard } = await inSilence(machine, "csync2 -Mv");
  const silent = `The name service did not answer in time for: ${SIXTY.join(", ")}\n`;
  assert.deepEqual([rc, stderr], [2, `My hostname guessed as: web1\n${silent}${END}`]);
  assert.ok(heard >= LOOKUPS_AT_ONCE, `${heard} questions`);
});

Deno.test("D 7.1.17 names without an answer are listed as such when nobody is found", async () => {
  await using all = new Machines();
  const machine = await alone(all, {
    group: "far1 (far2@far2-lan) near",
    hosts: ["198.51.100.1 near"],
  });
  const { rc, stderr } = await inSilence(machine, "csync2 -cr /srv/data");
  assert.equal(
    stderr,
    "This host (stranger) is not a member of any configured group. (/etc/csync2.cfg: none of its " +
      "hosts has an address of this machine: far1 (no answer within 3 s), far2@far2-lan (no answer " +
      "within 3 s), near (198.51.100.1, not of this machine); say with -N which one it is)\n",
  );
  assert.equal(rc, 1);
  assert.equal((await machine.run("ls /var/lib/csync2/*.db3")).stdout, "");
});

Deno.test("D 7.1.17 nobody is asked by what needs no name, and where a group has it", async () => {
  await using all = new Machines();
  const machine = await alone(all, { group: "far1 far2", hosts: [] });
  const asked = async (command: string) => {
    const { rc, heard } = await inSilence(machine, command);
    return [command, rc, heard];
  };
  for (
    const [command, rc] of [
      ["csync2 -k /etc/new.key", 0],
      ["csync2 --version", 0],
      ["csync2 --help", 0],
      ["csync2", 1],
      ["csync2 -x -c", 1],
      ["csync2 --make-cert", 0],
      ["csync2 -N far2 -M", 2],
      ["csync2 -N other -M", 1],
      ["csync2 -C none -M", 1],
    ] as const
  ) assert.deepEqual(await asked(command), [command, rc, 0]);
  await machine.sh("hostname FAR1");
  assert.deepEqual(await asked("csync2 -Mv"), ["csync2 -Mv", 2, 0]);
  await machine.sh("hostname stranger; touch /etc/csync2.lock");
  assert.deepEqual(await asked("csync2 -M"), ["csync2 -M", 1, 0]);
});

const LAN = ["10.34.0.1 web1", "10.34.0.2 web2"];

/**
 * Two hosts with names that no group has. `c` is the C program, which has to be told its name; connections
 * from the guessed name have its address, though the machine's first address is another one.
 */
async function pair(all: Machines, programs: { web1: "ours" | "c"; web2: "ours" | "c" }) {
  writeProgram(`${all.base}/csync2`);
  const hosts = [];
  for (const [name, at] of [["web1", 1], ["web2", 2]] as const) {
    const machine = await all.add(name, {
      hostname: programs[name] === "c" ? name : `node${at}`,
      addresses: [`10.34.0.10${at}/24`, `10.34.0.${at}/24`],
    });
    if (programs[name] === "ours") {
      await machine.sh(`mount --bind ${all.base}/csync2 /usr/sbin/csync2`);
    }
    const only = `on ${name}: /srv/data;`;
    await settle(machine, {
      group: "web1 web2",
      hosts: LAN,
      top: `prefix p { ${only} on *: /srv/wrong; } group h { host web1 web2; key csync2.key;
        include %p%; exclude %p%; auto left; }`,
    });
    hosts.push(machine);
  }
  return hosts as [Machine, Machine];
}

for (const [web1, web2] of [["ours", "ours"], ["ours", "c"], ["c", "ours"]] as const) {
  Deno.test(`D 7.1.17 web1 (${web1}) and web2 (${web2}) sync under the names they found`, async () => {
    await using all = new Machines();
    const [one, two] = await pair(all, { web1, web2 });
    const named = (kind: string, name: string) => kind === "c" ? `csync2 -N ${name}` : "csync2";
    await two.start(`${named(web2, "web2")} -iiv`);
    await one.start(`${named(web1, "web1")} -iiv`);
    await Promise.all([one.listens(30_865), two.listens(30_865)]);
    await one.sh("echo from one > /srv/data/f");
    const sent = await one.run(`${named(web1, "web1")} -xv`);
    assert.equal(sent.rc, 0, sent.stderr);
    assert.match(sent.stderr, /^Bound to 10\.34\.0\.1:0 as web1\.$/m);
    assert.equal(await two.sh("cat /srv/data/f"), "from one\n");
    await two.sh("echo from two > /srv/data/f; touch -d @1000000000 /srv/data/f");
    const back = await two.run(`${named(web2, "web2")} -xv`);
    assert.equal(back.rc, 0, back.stderr);
    assert.equal(await one.sh("cat /srv/data/f"), "from two\n");
    assert.equal((await one.run(`${named(web1, "web1")} -T`)).rc, 2);
    for (const [machine, kind, name] of [[one, web1, "web1"], [two, web2, "web2"]] as const) {
      assert.equal((await machine.sh("cd /var/lib/csync2; ls *.db3")).trim(), `${name}.db3`);
      if (kind === "c") continue;
      // The server too: once, when it read the configuration.
      const log = await machine.sh("cat /run/started.log");
      assert.equal(
        log.match(/My hostname guessed as: .*/g)?.join(),
        `My hostname guessed as: ${name}`,
      );
    }
  });
}
