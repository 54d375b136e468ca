/**
 * The README's section on moving from csync2, command by command as it stands there: three hosts with
 * databases, keys and certificates made by Debian's csync2 become ours one after the other, and then C
 * hosts again, while the cluster goes on syncing.
 */
import assert from "node:assert/strict";
import { type Machine, Machines, writeProgram } from "../support/machines.ts";
import { fromFileUrl, ROOT } from "../support/program.ts";

const SUPER_SERVER = fromFileUrl(new URL("../support/programs/super_server.py", import.meta.url));
const UNIT = Deno.readTextFileSync("/lib/systemd/system/csync2@.service");
const COMMAND = /^ExecStart=(.+)$/m.exec(UNIT)![1]!;
const PORT = 30_865;
const HOSTS = ["web1", "web2", "web3"] as const;

/** The blocks of commands of a section, each as its lines without comments. */
function blocksOf(heading: string): string[][] {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  const start = readme.indexOf(`## ${heading}\n`);
  assert.ok(start >= 0, heading);
  const section = readme.slice(start, readme.indexOf("\n## ", start + 1));
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = ""]) =>
    block.split("\n").map((line) => line.replace(/\s+# .*$/, "")).filter((line) => line !== "")
  );
}

const [LOOK = [], REPLACE = [], FIRST_RUN = [], BACK = [], NEW_KEY = [], UNPIN = [], ...OTHERS] =
  blocksOf(
    "Moving from csync2 2.0 or 2.1.1",
  );

Deno.test("moving: the README has the blocks that are tried here, and no other", () => {
  assert.deepEqual(OTHERS, []);
  assert.match(LOOK[0]!, /--check-config$/);
  assert.match(REPLACE.at(-1)!, /^install .* \/usr\/sbin\/csync2$/);
  assert.match(FIRST_RUN.at(-1)!, /^csync2 -T$/);
  assert.match(BACK.join("\n"), /dpkg-divert .*--remove/);
  assert.match(NEW_KEY.join("\n"), /openssl genrsa/);
  assert.match(UNPIN.join("\n"), /x509_cert/);
});

/** Exit codes of commands of the README that are not 0, or need not be: empty lists give 2. */
function isExpected(command: string, rc: number): boolean {
  if (command === "csync2 -T") return rc === 2;
  return rc === 0 || rc === 2 && /^csync2 -[ML] >/.test(command);
}

/** Carries out one block in root's home directory. @returns what each command printed */
async function follow(machine: Machine, block: readonly string[]): Promise<Map<string, string>> {
  const said = new Map<string, string>();
  for (const command of block) {
    const { rc, stdout, stderr } = await machine.run(`cd /root && ${command}`);
    const all = stdout + stderr;
    assert.ok(isExpected(command, rc), `${machine.name}: ${command}: exit ${rc}: ${all}`);
    said.set(command, all);
  }
  return said;
}

/** The two words that the README uses, with what systemd would do for the package's units. */
const SYSTEMCTL = `#!/bin/sh
case "$*" in
"start csync2.socket")
  setsid python3 ${SUPER_SERVER} systemd ${PORT} /run/journal ${COMMAND} </dev/null >/run/socket.log 2>&1 &
  echo $! > /run/socket.pid
  until grep -q ':7891 ' /proc/net/tcp6; do sleep 0.02; done ;;
"stop csync2.socket") kill "$(cat /run/socket.pid)" ;;
*) exit 1 ;;
esac
`;

const CONFIG = `group web {
  host web1 web2 web3;
  key csync2.key;
  include /srv/data;
  include %home%;
  exclude *~ .git;
  auto younger;
  backup-directory /var/backups/csync2;
  backup-generations 3;
  action {
    pattern /srv/data/*.conf;
    exec "echo reload >> /run/reloaded";
    logfile "/run/action.log";
  }
}
prefix home { on web1: /srv/home1; on *: /srv/home; }
`;

const CERTIFICATE = (bits: number) =>
  `cd /etc && openssl genrsa -out csync2_ssl_key.pem ${bits} 2>/dev/null &&
  openssl req -new -subj /O=demo -key csync2_ssl_key.pem -out csync2_ssl_cert.csr &&
  openssl x509 -req -days 600 -in csync2_ssl_cert.csr -signkey csync2_ssl_key.pem \\
    -out csync2_ssl_cert.pem 2>/dev/null`;

function home({ name }: Machine): string {
  return name === "web1" ? "/srv/home1" : "/srv/home";
}

/** A tree with what csync2 carries; links below a prefix are recorded by 2.0 without their target. */
const TREE = (home: string) =>
  `mkdir -p /srv/data/d ${home}/u && cd /srv/data
  echo one > a; echo two > 'b c'; head -c 100000 /dev/urandom > d/big; ln -s a link; mkfifo fifo
  echo x > app.conf; printf 'y' > "$(printf 'odd\\374')"; chown 7:8 a; chmod 640 d/big
  mkdir .git; echo no > .git/config; echo no > old~; touch d/old-web1 d/old-web2 d/old-web3
  cd ${home}/u; echo h > file; ln -s file link; touch -d @1000000000 file`;

/** Three hosts as their operator has them today: all by the C program, in sync, with pins. */
async function cCluster(all: Machines, { bits = 2_048 } = {}): Promise<Machine[]> {
  writeProgram(`${all.base}/csync2`);
  const machines: Machine[] = [];
  for (const [at, name] of HOSTS.entries()) {
    const machine = await all.add(name, { addresses: [`10.34.2.${at + 1}/24`] });
    const names = HOSTS.map((host, at) => `10.34.2.${at + 1} ${host}\n`);
    await machine.write("/etc/hosts", `127.0.0.1 localhost\n${names.join("")}`);
    await machine.write("/etc/csync2.cfg", CONFIG);
    await machine.write("/usr/local/bin/systemctl", SYSTEMCTL, "0755");
    await machine.sh(
      `mkdir -p /srv/data ${home(machine)}; install -m 755 ${all.base}/csync2 /root`,
    );
    await machine.sh(CERTIFICATE(name === "web1" ? bits : 2_048));
    machines.push(machine);
  }
  const [first] = machines as [Machine];
  await first.sh(`csync2 -k /etc/csync2.key; ${TREE(home(first))}`);
  const key = await first.sh("cat /etc/csync2.key");
  for (const machine of machines) {
    if (machine !== first) await machine.write("/etc/csync2.key", key, "0600");
    await machine.sh("csync2 -cIr /; systemctl start csync2.socket");
  }
  // Parents of what is included are nobody's: the operator makes them.
  await first.sh("csync2 -mr /srv/data; csync2 -mr /srv/home1; csync2 -x");
  for (const machine of machines) assert.equal((await machine.run("csync2 -T")).rc, 2);
  return machines;
}

/** All trees as one text each: names, types, owners, modes, sizes, times, targets, contents. */
async function dump(machine: Machine): Promise<string> {
  return await machine.sh(`for dir in /srv/data ${home(machine)}; do cd $dir
    find . -name .git -prune -o -name '*~' -o -type d -printf 'd %m %U:%G %p\\n' \\
      -o -type l -printf 'l %U:%G %p %l\\n' -o -printf '%y %m %U:%G %s %Ts %p\\n' | LC_ALL=C sort
    find . -name .git -prune -o -name '*~' -o -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum
  done`);
}

async function allEqual(machines: readonly Machine[]): Promise<void> {
  const [first, ...others] = await Promise.all(machines.map(dump));
  for (const other of others) assert.equal(other, first);
}

let round = 0;
/** Every host changes something of its own and sends; in the end all have everything. */
async function goOn(machines: readonly Machine[]): Promise<void> {
  round++;
  for (const machine of machines) {
    await machine.sh(`echo ${round} >> /srv/data/from-${machine.name}
      echo ${round} >> ${home(machine)}/u/from-${machine.name}; rm -f /srv/data/gone-${machine.name}
      [ $((${round} % 2)) = 0 ] || echo x > /srv/data/gone-${machine.name}`);
    const { rc, stderr } = await machine.run("csync2 -xv");
    assert.equal(rc, 0, `${machine.name}: ${stderr}`);
  }
  await allEqual(machines);
  for (const machine of machines) {
    const { rc, stdout } = await machine.run("csync2 -T");
    assert.equal(rc, 2, `${machine.name} after round ${round}: ${stdout}`);
  }
}

/** Work that the C program leaves behind: marks (one forced), a hint, and an action that did not run. */
async function leaveWork(machine: Machine, peers: readonly Machine[]): Promise<void> {
  for (const peer of peers) await peer.sh("systemctl stop csync2.socket");
  await machine.sh(
    `cd /srv/data; echo waits > 'waits for ${machine.name}'; echo h > ${home(machine)}/u/waits
    rm d/old-${machine.name}; csync2 -cr / && csync2 -f '/srv/data/waits for ${machine.name}'
    echo hinted > hinted-${machine.name}; csync2 -h /srv/data/hinted-${machine.name}
    echo y >> app.conf`,
  );
  await machine.sh(`sqlite3 /var/lib/csync2/${machine.name}.db3 "insert into action
    values ('/srv/data/app.conf', 'echo%20late%20>>%20/run/late', '/dev/null')"`);
  for (const peer of peers) await peer.sh("systemctl start csync2.socket");
}

const ROWS = (table: string, name: string) =>
  `sqlite3 /var/lib/csync2/${name}.db3 'select * from ${table} order by 1, 2'`;

Deno.test("moving: three hosts one after the other, with what the C program left, there and back", async () => {
  await using all = new Machines();
  const machines = await cCluster(all);
  await goOn(machines);
  for (const machine of machines) {
    const { name } = machine;
    const others = machines.filter((other) => other !== machine);
    await leaveWork(machine, others);
    const pins = await machine.sh(ROWS("x509_cert", name));
    const hints = await machine.sh(ROWS("hint", name));
    const certificate = await machine.sh("cat /etc/csync2_ssl_*.pem /etc/csync2.key");

    const looked = await follow(machine, LOOK);
    assert.equal(looked.get(LOOK[0]!), "", "a clean configuration");
    assert.match(looked.get(LOOK[1]!)!, /2048 bit/);
    const marks = await machine.sh("cat /root/marks.before");
    assert.match(marks, new RegExp(`^force\\t${name}\\t.*/waits for ${name}$`, "m"));
    assert.equal(marks.split("\n").filter((line) => line.includes("waits")).length, 4);
    assert.equal(marks.split("\n").filter((line) => line.endsWith(`/old-${name}`)).length, 2);
    await follow(machine, REPLACE);
    assert.match(await machine.sh("csync2 --version"), /^csync2 3\./);

    const first = await follow(machine, FIRST_RUN);
    for (const command of FIRST_RUN.slice(0, 2)) assert.equal(first.get(command), "", command);
    assert.equal(await machine.sh(ROWS("x509_cert", name)), pins);
    assert.equal(await machine.sh(ROWS("hint", name)), hints);
    assert.equal(await machine.sh("cat /etc/csync2_ssl_*.pem /etc/csync2.key"), certificate);
    assert.equal((await machine.run("csync2 -M")).stdout, "");
    for (const other of others) {
      assert.equal(
        await other.sh(`cat '/srv/data/waits for ${name}' ${home(other)}/u/waits`),
        "waits\nh\n",
      );
    }
    assert.equal(await machine.sh("cat /run/late"), "late\n", "the action that was left over");
    // The hint is still there, and a check of the hints consumes it.
    assert.equal((await machine.run("csync2 -cu")).rc, 0);
    assert.equal(await others[0]!.sh(`cat /srv/data/hinted-${name}`), "hinted\n");
    assert.equal((await machine.run("csync2 -H")).rc, 2);
    await goOn(machines);
  }
  for (const machine of machines.toReversed()) {
    await follow(machine, BACK);
    assert.match((await machine.run("csync2")).stdout, /^\s*csync2 2\.1-0rc1/);
    assert.equal((await machine.run("dpkg-divert --list /usr/sbin/csync2")).stdout, "");
    await goOn(machines);
  }
});

Deno.test("moving: what has not changed is not marked by our first check, nor by C's first one after ours", async () => {
  await using all = new Machines();
  const [machine] = await cCluster(all) as [Machine, Machine, Machine];
  await follow(machine, REPLACE);
  await machine.sh("systemctl start csync2.socket; csync2 -cr /");
  assert.equal((await machine.run("csync2 -M")).stdout, "");
  await follow(machine, BACK);
  await machine.sh("csync2 -cr /");
  assert.equal((await machine.run("csync2 -M")).stdout, "");
});

Deno.test("moving: what C took below an excluded directory leaves our lists, and stays on every disk", async () => {
  await using all = new Machines();
  const machines = await cCluster(all);
  const [web1, web2] = machines as [Machine, Machine, Machine];
  await web2.sh("mkdir -p /srv/data/.git");
  await web1.sh("csync2 -c /srv/data/.git/config");
  assert.match(await web1.sh("csync2 -L"), /\.git\/config$/m);
  await web1.run("csync2 -u"); // one of the peers has the directory
  await follow(web1, REPLACE);
  await web1.sh("systemctl start csync2.socket; csync2 -cr /");
  assert.equal((await web1.run("csync2 -xv")).rc, 0);
  assert.doesNotMatch(await web1.sh("csync2 -L"), /\.git/);
  for (const machine of [web1, web2]) {
    assert.equal(await machine.sh("cat /srv/data/.git/config"), "no\n");
  }
  // A C host that has it goes on listing it, until it is ours too.
  assert.equal(await web1.sh("csync2 -T web1 web2"), "R\tweb1\tweb2\t/srv/data/.git/config\n");
  await follow(web2, REPLACE);
  await web2.sh("systemctl start csync2.socket; csync2 -cr /");
  await goOn(machines);
});

Deno.test("moving: a key of 1024 bits is replaced, and the others forget the old certificate", async () => {
  await using all = new Machines();
  const machines = await cCluster(all, { bits: 1_024 });
  const [web1, ...others] = machines as [Machine, Machine, Machine];
  assert.match((await follow(web1, LOOK)).get(LOOK[1]!)!, /1024 bit/);
  await follow(web1, NEW_KEY);
  for (const other of others) await follow(other, UNPIN);
  await goOn(machines); // still the C program everywhere, with our certificate on web1
  await follow(web1, LOOK);
  await follow(web1, REPLACE);
  await follow(web1, FIRST_RUN);
  await goOn(machines);
});
