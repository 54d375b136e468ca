/**
 * Our program in the place of /usr/sbin/csync2, and nothing else changed: what Debian's package installs
 * (cron job, systemd units, xinetd service, init script; inetd gets its line) starts it with the words
 * that are read from those files, and it syncs with a C peer and with one of ours, both ways.
 *
 * With CSYNC2_SMOKE=plain without TLS, else with certificates as the package's README makes them.
 */
import assert from "node:assert/strict";
import { type Machine, Machines, writeProgram } from "../support/machines.ts";
import { fromFileUrl, ourWords } from "../support/program.ts";

const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._\n";
const isPlain = Deno.env.get("CSYNC2_SMOKE") === "plain";
const CONFIG = `${isPlain ? "nossl * *;\n" : ""}group web {
  host one two;
  key csync2.key;
  include /srv/data;
}
`;
const SUPER_SERVER = fromFileUrl(new URL("../support/programs/super_server.py", import.meta.url));
const PORT = 30_865;
const IN_SYNC = 2;

/** What a file of the package says; the test fails when it says something else than we know how to do. */
function installed(path: string, patterns: Record<string, RegExp>): Record<string, string> {
  const text = Deno.readTextFileSync(path);
  return Object.fromEntries(
    Object.entries(patterns).map(([name, pattern]) => {
      const found = pattern.exec(text)?.[1];
      assert.ok(found !== undefined, `${path} has no ${pattern}`);
      return [name, found];
    }),
  );
}

/** `one` has our program, `two` what is asked for. */
async function hosts(all: Machines, peer: "ours" | "c"): Promise<[Machine, Machine]> {
  writeProgram(`${all.base}/csync2`);
  const made: Machine[] = [];
  for (const [name, at] of [["one", 1], ["two", 2]] as const) {
    const machine = await all.add(name, { addresses: [`10.34.1.${at}/24`] });
    if (name === "one" || peer === "ours") {
      await machine.sh(`mount --bind ${all.base}/csync2 /usr/sbin/csync2`);
    }
    await machine.write("/etc/hosts", "127.0.0.1 localhost\n10.34.1.1 one\n10.34.1.2 two\n");
    await machine.write("/etc/csync2.key", KEY, "0600");
    await machine.write("/etc/csync2.cfg", CONFIG);
    await machine.sh("mkdir -p /srv/data /var/lib/csync2");
    if (!isPlain) await machine.sh(CERTIFICATE);
    made.push(machine);
  }
  return made as [Machine, Machine];
}

/** As README.Debian of the package says, with a key of today's size. */
const CERTIFICATE = `cd /etc && openssl genrsa -out csync2_ssl_key.pem 2048 2>/dev/null &&
  openssl req -new -subj /O=demo -key csync2_ssl_key.pem -out csync2_ssl_cert.csr &&
  openssl x509 -req -days 600 -in csync2_ssl_cert.csr -signkey csync2_ssl_key.pem \\
    -out csync2_ssl_cert.pem 2>/dev/null`;

/** The peer sends, then this host; both have the same in the end, and both say so. */
async function syncBothWays(one: Machine, two: Machine): Promise<void> {
  await one.listens(PORT);
  await two.start("csync2 -ii");
  await two.listens(PORT);
  await two.sh(
    "cd /srv/data && echo from two > a && mkdir d && head -c 300000 /dev/urandom > d/big",
  );
  const sent = await two.run("csync2 -xv");
  assert.equal(sent.rc, 0, `two: ${sent.stderr}`);
  await one.sh("cd /srv/data && echo from one > b && rm a && printf x >> d/big");
  const back = await one.run("csync2 -xv");
  assert.equal(back.rc, 0, `one: ${back.stderr}`);
  const sums = "cd /srv/data && find . -type f -exec md5sum {} + | sort";
  assert.equal(await two.sh(sums), await one.sh(sums));
  assert.equal((await one.sh("ls /srv/data")).trim(), "b\nd");
  for (const machine of [one, two]) assert.equal((await machine.run("csync2 -T")).rc, IN_SYNC);
}

const UNIT = installed("/lib/systemd/system/csync2@.service", {
  command: /^ExecStart=(.+)$/m,
  input: /^StandardInput=(socket)$/m,
  output: /^StandardOutput=(socket)$/m,
  errors: /^StandardError=(journal)$/m,
});
const SOCKET = installed("/lib/systemd/system/csync2.socket", {
  port: /^ListenStream=(\d+)$/m,
  accept: /^Accept=(true|yes)$/m,
});
const XINETD = installed("/etc/xinetd.d/csync2", {
  server: /^\s*server\s*=\s*(\S+)$/m,
  args: /^\s*server_args\s*=\s*(.+)$/m,
  port: /^\s*port\s*=\s*(\d+)$/m,
  wait: /^\s*wait\s*=\s*(no)$/m,
});
const xinetdCommand = `${XINETD.server} ${XINETD.args}`;

function isInstalled(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Who starts our program for each connection, on machine `one`. */
const SUPER_SERVERS: { name: string; needs?: string; start: (one: Machine) => Promise<void> }[] = [
  {
    name: "systemd (csync2.socket, csync2@.service)",
    start: (one) =>
      one.start(`python3 ${SUPER_SERVER} systemd ${SOCKET.port} /run/journal ${UNIT.command}`),
  },
  {
    name: "systemd-socket-activate with the units' words",
    needs: "/usr/bin/systemd-socket-activate",
    start: (one) =>
      one.start(
        `exec systemd-socket-activate --accept --inetd --listen=${SOCKET.port} ${UNIT.command}`,
      ),
  },
  {
    name: "inetd",
    needs: "/usr/sbin/inetd",
    async start(one) {
      // What the package adds with update-inetd; the name of the port is in /etc/services.
      const line = `csync2 stream tcp nowait root ${XINETD.server} csync2 ${XINETD.args}`;
      await one.write("/etc/inetd.conf", `${line}\n`);
      await one.start("exec inetd -d /etc/inetd.conf");
    },
  },
  {
    name: "xinetd (xinetd.d/csync2)",
    needs: "/usr/sbin/xinetd",
    async start(one) {
      await one.sh(`sed '/disable/s/yes/no/' < /etc/xinetd.d/csync2 > /run/service
        printf 'defaults\\n{\\n}\\nincludedir /run/xinetd.d\\n' > /run/xinetd.conf
        mkdir /run/xinetd.d && mv /run/service /run/xinetd.d/csync2`);
      await one.start("exec xinetd -dontfork -f /run/xinetd.conf");
    },
  },
  {
    name: "what gives the descriptors of xinetd",
    start: (one) =>
      one.start(`python3 ${SUPER_SERVER} inetd ${XINETD.port} /run/journal ${xinetdCommand}`),
  },
];

/** There nothing may be left out: what is not installed fails. */
const isCi = Deno.env.get("CI") === "true";

for (const { name, needs, start } of SUPER_SERVERS) {
  for (const peer of ["c", "ours"] as const) {
    Deno.test({
      name: `in place of csync2: ${name}, peer ${peer}`,
      // The base binary of scripts/denort.sh is too old to take connections from somebody else.
      ignore: isPlain || needs !== undefined && !isInstalled(needs) && !isCi,
      async fn() {
        await using all = new Machines();
        const [one, two] = await hosts(all, peer);
        await start(one);
        await syncBothWays(one, two);
        const journal = await one.run("cat /run/journal");
        assert.equal(journal.stdout, "", "what was said has its place in the system's log");
      },
    });
  }
}

/** The line of the package's cron file, without its comment sign, for these hosts. */
const CRON = installed("/etc/cron.d/csync2", {
  command: /^# ?0 4 \* \* \* root (csync2 .*<my-hostname> <peer-hostname>)$/m,
}).command!.replace("<my-hostname>", "one").replace("<peer-hostname>", "two");

for (const peer of ["c", "ours"] as const) {
  Deno.test(`in place of csync2: the line of cron.d, peer ${peer}`, async () => {
    await using all = new Machines();
    const [one, two] = await hosts(all, peer);
    await two.start("csync2 -ii");
    await two.listens(PORT);
    // Cron's environment; the job is mailed if it prints something.
    const job =
      `env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/sbin:/usr/bin:/bin /bin/sh -c`;
    await one.sh("echo 1 > /srv/data/f");
    const first = await one.run(`${job} '${CRON}'`);
    assert.deepEqual([first.rc, first.stderr], [0, ""]);
    assert.equal(first.stdout, "L\tone\ttwo\t/srv/data\nL\tone\ttwo\t/srv/data/f\n");
    assert.equal((await one.run("csync2 -u")).rc, 0);
    const second = await one.run(`${job} '${CRON}'`);
    assert.deepEqual([second.rc, second.stdout, second.stderr], [IN_SYNC, "", ""]);
  });
}

/** start-stop-daemon finds a daemon by the file that its process runs: a script's is its interpreter. */
function isElf(): boolean {
  const words = ourWords();
  if (words.length > 1) return false;
  using file = Deno.openSync(words[0]!);
  const head = new Uint8Array(4);
  file.readSync(head);
  return new TextDecoder().decode(head) === "\x7fELF";
}

/** Numbers of the processes of a server that stands alone. */
const SERVERS = "grep -lz '^-ii$' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3";

for (const peer of ["c", "ours"] as const) {
  Deno.test(`in place of csync2: the init script starts it, peer ${peer}`, async () => {
    await using all = new Machines();
    const [one, two] = await hosts(all, peer);
    await one.sh("/etc/init.d/csync2 start");
    await syncBothWays(one, two);
    const pid = (await one.sh("cat /run/csync2.pid")).trim();
    assert.equal((await one.sh(SERVERS)).trim(), pid);
  });
}

Deno.test({
  name: "in place of csync2: the init script tells its status, restarts it and stops it",
  ignore: !isElf(),
  async fn() {
    await using all = new Machines();
    const [one] = await hosts(all, "c");
    await one.sh("/etc/init.d/csync2 start");
    await one.listens(PORT);
    await one.sh("/etc/init.d/csync2 status");
    const first = await one.sh(SERVERS);
    await one.sh("/etc/init.d/csync2 restart");
    await one.listens(PORT);
    const second = await one.sh(SERVERS);
    assert.match(first + second, /^\d+\n\d+\n$/);
    assert.notEqual(second, first);
    await one.sh("/etc/init.d/csync2 stop");
    assert.equal((await one.run(SERVERS)).stdout, "");
    assert.notEqual((await one.run("/etc/init.d/csync2 status")).rc, 0);
  },
});
