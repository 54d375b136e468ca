/**
 * Scripts that call csync2, unchanged: csync2-compare of the package, and csync2_locheck.sh, which is read
 * out of the package's manual. Each runs once with Debian's csync2 and once with ours in the place of
 * /usr/sbin/csync2, and does the same.
 */
import assert from "node:assert/strict";
import { environment, ourWords } from "../support/program.ts";

type Program = "ours" | "c";
const PROGRAMS: readonly Program[] = ["c", "ours"];
const KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
const MANUAL = "usr/share/doc/csync2/csync2.adoc.gz";

interface Ran {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Two hosts with trees at the same path, `ssh` between them, and one of the programs in its place. */
class Bed implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "csync2-scripts-" });

  constructor(program: Program, config: string) {
    for (const dir of ["one", "two", "bin", "tree", "etc", "state", "home"]) {
      Deno.mkdirSync(`${this.base}/${dir}`);
    }
    this.write("etc/demo.key", `${KEY}\n`, 0o600);
    this.write("etc/csync2.cfg", config.replaceAll("@", `${this.base}/tree`));
    Deno.copyFileSync("/usr/sbin/csync2", `${this.base}/bin/csync2.c`);
    const words = program === "c" ? [`${this.base}/bin/csync2.c`] : ourWords();
    // The runtime keeps what it has compiled below the home that it has had so far.
    const home = `HOME=${Deno.env.get("HOME") ?? "/root"}`;
    this.write("bin/csync2", `#!/bin/sh\n${home} exec ${words.join(" ")} "$@"\n`, 0o755);
    // As ssh does it: the words are joined, and given to the shell of a host that is another one.
    this.write(
      "bin/ssh",
      `#!/bin/sh
while [ "\${1#-}" != "$1" ]; do shift; done
host=$1; shift
exec unshare --mount --uts sh -c \\
  'hostname "$0"; mount --bind "${this.base}/$0" "${this.base}/tree"; exec bash -c "$*"' "$host" "$@"
`,
      0o755,
    );
  }

  write(path: string, text: string, mode = 0o644): void {
    Deno.writeTextFileSync(`${this.base}/${path}`, text);
    Deno.chmodSync(`${this.base}/${path}`, mode);
  }

  /** A script on host `one`; nothing of its mounts is seen outside. */
  async run(script: string, stdin = ""): Promise<Ran> {
    const setup = `hostname one
      mount --bind ${this.base}/bin/csync2 /usr/sbin/csync2
      mount --bind ${this.base}/state /var/lib/csync2
      mount --bind ${this.base}/one ${this.base}/tree
      exec bash -c "$0"`;
    const child = new Deno.Command("timeout", {
      args: ["60", "unshare", "--mount", "--uts", "sh", "-ec", setup, script],
      cwd: this.base,
      env: {
        ...environment(`${this.base}/etc`),
        PATH: `${this.base}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: `${this.base}/home`,
      },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {}); // nobody has to read it
    await writer.close().catch(() => {});
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) =>
      new TextDecoder("latin1").decode(bytes).replaceAll(this.base, "@");
    return { rc: code, stdout: text(stdout), stderr: text(stderr) };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}

/** The same on both; returns what it is. */
async function same(config: string, work: (bed: Bed) => Promise<Ran>): Promise<Ran> {
  const [c, ours] = await Promise.all(PROGRAMS.map(async (program) => {
    using bed = new Bed(program, config);
    return await work(bed);
  }));
  assert.deepEqual(ours, c);
  return ours!;
}

const GROUP = "group g { host one two; key demo.key; include @; exclude *.bak; compare @/d; }\n";
/** On host $1: files that are the same, differ, or are there only; names that a shell script can bear. */
const TREES =
  `for h in one two; do cd "$1/$h"; echo same > same; echo $h > differs; echo $h > only.$h
  ln -s x link; ln -s $h link.differs; mkdir d; echo 1 > d/f; echo $h > skipped.bak; mkfifo pipe
  printf b > "$(printf 'l\\351')"; done; echo 2 >> "$1/two/d/f"`;

for (const words of ["one two", "-v one two", "two one", "one@one two@two"]) {
  Deno.test(`D 4.10 csync2-compare ${words} finds the same with our program in place of csync2`, async () => {
    const { rc, stdout } = await same(GROUP, async (bed) => {
      const trees = new Deno.Command("sh", { args: ["-ec", TREES, "sh", bed.base] });
      assert.ok((await trees.output()).success);
      return await bed.run(`exec csync2-compare ${words} ${bed.base}/tree`);
    });
    assert.equal(rc, 0);
    const found = stdout.split("\n").filter((line) => /^[X-] [X-] @/.test(line));
    assert.equal(found.length, 5, stdout);
  });
}

/** The manual as the package has it: where documentation is not installed, out of the package itself. */
async function manual(): Promise<string> {
  const script = `if [ -e /${MANUAL} ]; then zcat /${MANUAL}; else
    cd "$(mktemp -d)" && apt-get download -qq csync2 >&2 &&
    dpkg-deb --fsys-tarfile csync2_*.deb | tar -xO ./${MANUAL} | zcat; fi`;
  const { success, stdout } = await new Deno.Command("sh", { args: ["-ec", script] }).output();
  assert.ok(success, "no manual of csync2, neither installed nor in its package");
  return new TextDecoder().decode(stdout);
}

/** The text of csync2_locheck.sh, between two lines of dots. */
async function logoutCheck(): Promise<string> {
  const found = /csync2_locheck\.sh\s+\.{4}\n([^]*?)\n\.{4}\n/.exec(await manual())?.[1];
  assert.ok(
    found !== undefined && found.includes("csync2 -M"),
    "the manual has no csync2_locheck.sh",
  );
  return found;
}

interface Logout {
  readonly name: string;
  /** Whether everything has been sent. */
  readonly isClean: boolean;
  readonly answer: string;
  readonly stays: boolean;
}
const LOGOUTS: readonly Logout[] = [
  { name: "nothing to send", isClean: true, answer: "", stays: false },
  { name: "answered with yes", isClean: false, answer: "yes\n", stays: false },
  { name: "answered otherwise", isClean: false, answer: "no\n", stays: true },
  { name: "no answer", isClean: false, answer: "", stays: false },
];

for (const { name, isClean, answer, stays } of LOGOUTS) {
  Deno.test(`csync2_locheck.sh of the manual does the same with our program: ${name}`, async () => {
    const script = await logoutCheck();
    const { stdout } = await same(GROUP, async (bed) => {
      bed.write("home/.bash_profile", "echo stays; exit 0\n");
      bed.write("one/f", "1");
      Deno.utimeSync(`${bed.base}/one`, 1, 1);
      if (isClean) await bed.run("csync2 -cIr /");
      return await bed.run(script, answer);
    });
    assert.equal(stdout.includes("There are unsynced changes!"), !isClean, stdout);
    assert.equal(stdout.includes("chary\tone\ttwo\t@/tree/f\n"), !isClean, stdout);
    assert.equal(stdout.endsWith("stays\n"), stays, stdout);
  });
}
