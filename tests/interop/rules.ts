/** Slaves, force, obstacles, objects that a C program cannot send, backups and actions; two hosts. */
import type { Batch, Kinds, Scenario } from "../support/matrix.ts";

const SLAVE_A = "(a.demo) b.demo", SLAVE_B = "a.demo (b.demo)", SLAVES = "(a.demo b.demo)";
const DIRTY = /failed: File is also marked dirty here!/;
const REFUSED = /failed: Permission denied for slave!/;

const sends = (kinds: Kinds) => kinds[0] === "ours";
const receives = (kinds: Kinds) => kinds[1] === "ours";

const SLAVE_RULES: readonly Scenario[] = [
  {
    name: "D 7.3.14 a slave's change is refused, and the master's copy comes back",
    hosts: SLAVE_A,
    before: "echo base > f",
    rounds: [
      { change: { a: "echo slave > f" }, run: "a -x", rc: 1 },
      { run: "b -u" },
      { run: "a -u" },
    ],
    outcome: { files: { "a:f": "base\n", "b:f": "base\n" }, mustSay: [REFUSED] },
  },
  {
    name: "a slave's new file is refused, and removed by the master",
    hosts: SLAVE_A,
    rounds: [
      { change: { a: "echo slave > f" }, run: "a -x", rc: 1 },
      { run: "b -u" },
      { run: "a -u" },
    ],
    outcome: { files: { "a:f": "", "b:f": "" }, mustSay: [REFUSED] },
  },
  {
    name: "a slave's removal is refused, and the master's copy comes back",
    hosts: SLAVE_A,
    before: "echo base > f; mkdir d; echo 1 > d/1",
    rounds: [
      { change: { a: "rm -r f d" }, run: "a -x", rc: 1 },
      { run: "b -u" },
      { run: "a -u" },
    ],
    outcome: { files: { "a:f": "base\n", "a:d/1": "1\n" }, mustSay: [REFUSED] },
  },
  {
    name: "a master wins against its slave's change",
    hosts: SLAVE_B,
    before: "echo base > f",
    rounds: [
      { change: { a: "echo master > f", b: "echo slave > f" }, check: "b", run: "a -x" },
      { run: "b -u" },
    ],
    outcome: { files: { "b:f": "master\n" }, says: [/conflict/] },
  },
  {
    name: "a master's removal wins against its slave's change",
    hosts: SLAVE_B,
    before: "echo base > f",
    rounds: [
      { change: { a: "rm f", b: "echo slave > f" }, check: "b", run: "a -x" },
      { run: "b -u" },
    ],
    outcome: { files: { "b:f": "", "a:f": "" }, says: [/conflict/] },
  },
  {
    name: "a slave's change is refused, though its master has changed it too",
    hosts: SLAVE_A,
    before: "echo base > f",
    rounds: [
      {
        change: { a: "echo slave > f", b: "echo master > f" },
        check: "b",
        run: "a -x",
        rc: 1,
      },
      { run: "b -u" },
      { run: "a -u" },
    ],
    outcome: { files: { "a:f": "master\n" }, mustSay: [REFUSED], says: [/conflict/] },
  },
  {
    name: "two slaves refuse each other",
    hosts: SLAVES,
    before: "echo base > f",
    rounds: [
      { change: { a: "echo a > f", b: "echo b > f" }, check: "b", run: "a -x", rc: 1 },
      { run: "b -u", rc: 1 },
    ],
    outcome: {
      equal: false,
      marks: ["a b f", "b a f"],
      files: { "a:f": "a\n", "b:f": "b\n" },
      mustSay: [REFUSED],
    },
  },
];

const FORCE: readonly Scenario[] = [
  {
    name: "-f lets a file win",
    before: "echo base > f",
    rounds: [
      { change: { a: "echo a > f", b: "echo b > f" }, check: "b", run: "a -x", rc: 1 },
      { run: "a -f" },
      { run: "a -u" },
      { run: "b -u" },
    ],
    outcome: { files: { "b:f": "a\n" }, mustSay: [DIRTY] },
  },
  {
    name: "-F marks with force",
    before: "echo base > f; echo base > g",
    rounds: [
      {
        change: { a: "echo a > f; rm g", b: "echo b > f; echo b > g" },
        check: "b",
        run: "a -Fx",
      },
      { run: "b -u" },
    ],
    outcome: { files: { "b:f": "a\n", "b:g": "" } },
  },
  {
    name: "-m -f: what has not changed is sent over what has",
    before: "echo base > f; echo base > g",
    rounds: [
      { change: { b: "echo b > f; rm g" }, run: "a -m" },
      { run: "a -f" },
      { run: "a -u" },
      { run: "b -x" },
    ],
    outcome: { files: { "b:f": "base\n", "b:g": "base\n" } },
  },
];

const OBSTACLES: readonly Scenario[] = [
  {
    name: "a tree is removed in which the peer has something excluded",
    group: ["exclude *.keep;"],
    before: {
      a: "mkdir -p t/u; echo 1 > t/u/1",
      b: "mkdir -p t/u; echo 1 > t/u/1; echo k > t/u/x.keep",
    },
    rounds: [{ change: { a: "rm -r t" }, run: "a -x", rc: 1 }],
    outcome: {
      equal: false,
      marks: ["a b t", "a b t/u"],
      files: { "b:t/u/1": "", "b:t/u/x.keep": "k\n" },
      mustSay: [/Directory not empty/],
    },
  },
  {
    name: "a tree is removed in which the peer has something new",
    before: "mkdir -p t/u; echo 1 > t/u/1",
    rounds: [
      { change: { a: "rm -r t", b: "echo new > t/u/2" }, run: "a -x", rc: 1 },
      { run: "b -x", rc: 1 },
      { run: "a -u", rc: 1 },
    ],
    outcome: {
      equal: false,
      marks: ["a b t", "a b t/u", "b a t", "b a t/u", "b a t/u/2"],
      files: { "a:t": "", "b:t/u/2": "new\n", "b:t/u/1": "" },
      mustSay: [/Directory not empty/],
      says: [DIRTY, /Parent dir missing\./],
    },
  },
  {
    name: "a tree is removed in which the peer has changed a file",
    before: "mkdir -p t/u; echo 1 > t/u/1; echo 2 > t/u/2",
    rounds: [
      { change: { a: "rm -r t", b: "echo changed > t/u/1" }, check: "b", run: "a -x", rc: 1 },
      { run: "b -u", rc: 1 },
    ],
    outcome: {
      equal: false,
      marks: ["a b t", "a b t/u", "a b t/u/1", "b a t", "b a t/u", "b a t/u/1"],
      files: { "b:t/u/1": "changed\n", "b:t/u/2": "" },
      says: [/Directory not empty/, DIRTY, /Parent dir missing\./],
    },
  },
  {
    name: "a link goes in place of a tree with something excluded at the peer",
    group: ["exclude *.keep;"],
    before: { a: "mkdir t; echo 1 > t/1", b: "mkdir t; echo 1 > t/1; echo k > t/x.keep" },
    rounds: [{ change: { a: "rm -r t; ln -s x t" }, run: "a -x", rc: 1 }],
    outcome: {
      equal: false,
      marks: ["a b t"],
      files: { "b:t/1": "", "b:t/x.keep": "k\n" },
      mustSay: [/ERROR/],
    },
  },
  {
    name: "D 7.7 W 20.3 a file goes in place of a tree with something excluded at the peer",
    group: ["exclude *.keep;"],
    noReference: "they wait for each other for ever (W 20.3)",
    before: { a: "mkdir t; echo 1 > t/1", b: "mkdir t; echo 1 > t/1; echo k > t/x.keep" },
    rounds: [{ change: { a: "rm -r t; echo file > t" }, run: "a -x", rc: 1 }],
    outcome: {
      equal: false,
      marks: ["a b t"],
      files: { "b:t/1": "", "b:t/x.keep": "k\n", "a:t": "file\n" },
      mustSay: [/ERROR/],
    },
  },
  {
    name: "an excluded directory here is not touched there",
    group: ["exclude $DIR/no;", "exclude *~;"],
    before: "mkdir no; echo 1 > no/1; echo 1 > f~; echo 1 > f",
    rounds: [
      {
        change: { a: "echo a > no/1; rm f~; echo a > f; mkdir no/d", b: "echo b > no/1" },
        run: "a -x",
      },
    ],
    outcome: {
      equal: false,
      files: { "b:no/1": "b\n", "b:f~": "1\n", "b:f": "a\n", "b:no/d": "" },
    },
  },
];

const SPECIAL: readonly Scenario[] = [
  {
    name: "W 20.23 devices",
    before: "mknod old c 1 5; chmod 600 old",
    rounds: [{
      change: {
        a: "mknod n c 1 3; chmod 666 n; mknod b b 7 300; chown 1:2 b; touch -d @1000000001 b; rm old; mknod old b 1 5",
      },
      run: "a -x",
      rc: (kinds) => !sends(kinds) && receives(kinds) ? 1 : 0,
    }],
    differs: () => "C programs make nodes with the number 0,0",
    outcome: (kinds) => sends(kinds) ? {} : { equal: false, marks: ["a b b", "a b n", "a b old"] },
  },
  {
    name: "W 20.23 sockets are not made",
    rounds: [{
      change: {
        a: "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"s\", Listen => 1)'; echo 1 > f",
      },
      run: "a -x",
      rc: (kinds) => sends(kinds) ? 0 : 1,
    }],
    differs: (kinds) => sends(kinds) ? "they try again for ever" : undefined,
    outcome: (kinds) => ({
      equal: false,
      marks: sends(kinds) ? [] : ["a b s"],
      files: { "b:f": "1\n", "b:s": "" },
    }),
  },
  {
    name: "long targets of links",
    rounds: [{
      change: {
        a: "ln -s $(seq -s - 1 900 | head -c 1500) l; ln -s $(seq -s - 1 900 | head -c 1023) k",
      },
      run: "a -x",
    }],
    differs: (kinds) => sends(kinds) ? "C programs cut them (W 20.24)" : undefined,
    outcome: (kinds) => sends(kinds) ? {} : { equal: false },
  },
];

const BACKUPS: readonly Scenario[] = [
  {
    name: "D 7.7.8 generations of backups at the receiver",
    group: ["backup-directory $OUT/backup;", "backup-generations 3;"],
    before: "echo 1 > f; echo 1 > gone; ln -s x l",
    rounds: [
      ...[2, 3, 4, 5].map((n) => ({
        change: { a: `echo ${n} > f; ln -sfn ${n} l; touch -d @150000000${n} f` },
        run: "a -x",
      })),
      { change: { a: "rm gone" }, run: "a -x" },
      { change: { a: "chmod 600 f" }, run: "a -x" },
    ],
    differs: (kinds) => receives(kinds) ? "two generations survive there" : undefined,
    outcome: (kinds) => {
      const at = "b:backup$DIR";
      const f: Record<string, string> = receives(kinds)
        ? { [`${at}/f`]: "5\n", [`${at}/f.1`]: "4\n", [`${at}/f.2`]: "3\n", [`${at}/f.3`]: "" }
        : {};
      return { out: { ...f, [`${at}/gone`]: "1\n", "a:backup": "" } };
    },
  },
  {
    name: "one generation is no backup",
    group: ["backup-directory $OUT/backup;", "backup-generations 1;"],
    before: "echo 1 > f",
    rounds: [{ change: { a: "echo 2 > f" }, run: "a -x" }],
    outcome: { out: { "b:backup": "" } },
  },
  {
    name: "backups keep owner and mode, and the receiver's change before a forced one",
    group: ["backup-directory $OUT/backup;", "auto left;"],
    before: "echo base > f; chmod 640 f; chown 3:4 f",
    rounds: [{
      change: { a: "echo a > f", b: "echo b > f" },
      check: "b",
      run: "a -x",
    }],
    outcome: { out: { "b:backup$DIR/f": "b\n" }, says: [/conflict/] },
  },
];

const LOG = 'exec "cat >> $OUT/log; echo ran >> $OUT/log";';
const action = (more = "") => [`action { ${LOG} ${more} }`];

const ACTIONS: readonly Scenario[] = [
  {
    name: "actions run at the receiver only",
    group: action(),
    before: "echo 1 > f; echo 1 > g",
    rounds: [{ change: { a: "echo 2 > f; rm g; mkdir d" }, run: "a -x" }],
    outcome: { out: { "b:log": "ran\n", "a:log": "" } },
  },
  {
    name: "actions with do-local run on both sides",
    group: action("do-local;"),
    before: "echo 1 > f",
    rounds: [{ change: { a: "echo 2 > f" }, run: "a -x" }],
    outcome: { out: { "b:log": "ran\n", "a:log": "ran\n" } },
  },
  {
    name: "actions with do-local-only run at the sender",
    group: action("do-local-only;"),
    before: "echo 1 > f",
    rounds: [{ change: { a: "echo 2 > f" }, run: "a -x" }],
    outcome: { out: { "b:log": "", "a:log": "ran\n" } },
  },
  {
    name: "actions for patterns",
    group: [
      'action { pattern $DIR/d/*; exec "echo %% >> $OUT/log"; }',
      'action { pattern $DIR/no; exec "echo no >> $OUT/log"; }',
    ],
    before: "mkdir d; echo 1 > d/f; echo 1 > g",
    rounds: [{ change: { a: "echo 2 > d/f; echo 2 > g" }, run: "a -x" }],
    outcome: { out: { "b:log": "$DIR/d/f\n", "a:log": "" } },
  },
  {
    name: "D 7.7.1 D 7.7.2 names in actions are real, and no shell text",
    group: ["action { exec \"cd $OUT; printf '<%s>' %% >> log\"; }"],
    rounds: [{ change: { a: "echo 1 > 'a b;touch evil;`id`'" }, run: "a -x" }],
    differs: (kinds) => receives(kinds) ? "names come encoded, and are executed" : undefined,
    outcome: (kinds) =>
      receives(kinds) ? { out: { "b:log": "<$DIR/a b;touch evil;`id`>", "b:evil": "" } } : {},
  },
  {
    name: "D 7.7.3 no action after a conflict",
    group: action(),
    before: "echo base > f",
    rounds: [{ change: { a: "echo a > f", b: "echo b > f" }, check: "b", run: "a -x", rc: 1 }],
    differs: () => "they run it where nothing changed",
    outcome: (kinds) => ({
      equal: false,
      marks: ["a b f", "b a f"],
      out: receives(kinds) ? { "b:log": "" } : {},
      mustSay: [DIRTY],
    }),
  },
  {
    name: "D 7.7.3 no action after a slave was refused",
    hosts: SLAVE_A,
    group: action(),
    before: "echo base > f",
    rounds: [{ change: { a: "echo a > f" }, run: "a -x", rc: 1 }],
    differs: (kinds) =>
      receives(kinds) ? "they run it at the master, where nothing changed" : undefined,
    outcome: (kinds) => ({
      out: receives(kinds) ? { "b:log": "" } : {},
      mustSay: [REFUSED],
    }),
  },
  {
    name: "D 7.7.3 no action at the sender for parents that the peer did not have",
    group: action(),
    before: { a: "mkdir -p d/e; echo 1 > d/e/f" },
    rounds: [{ change: { a: "echo 2 > d/e/f" }, run: "a -x" }],
    differs: (kinds) => sends(kinds) ? "they run it at the sender" : undefined,
    outcome: (kinds) => ({
      out: sends(kinds) ? { "a:log": "", "b:log": "ran\n" } : { "b:log": "ran\n" },
    }),
  },
];

export const RULES: Batch = {
  name: "rules",
  hosts: 2,
  scenarios: [...SLAVE_RULES, ...FORCE, ...OBSTACLES, ...SPECIAL, ...BACKUPS, ...ACTIONS],
  settle: ["b -x", "a -x", "b -x"],
};
