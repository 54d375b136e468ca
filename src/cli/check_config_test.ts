/** `--check-config` from its arguments to its exit code, with a disk for the links. */
import assert from "node:assert/strict";
import type { Host } from "./host.ts";
import { main } from "./main.ts";
import { LineWriter } from "./output.ts";

/** A system directory and a tree; both go when the test ends. */
class Place implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "csync2-check-config-" });

  constructor(config: string) {
    Deno.mkdirSync(`${this.dir}/tree/real/sub`, { recursive: true });
    Deno.symlinkSync("real", `${this.dir}/tree/link`);
    Deno.writeTextFileSync(`${this.dir}/k`, "k".repeat(40), { mode: 0o600 });
    Deno.writeTextFileSync(`${this.dir}/csync2.cfg`, config.replaceAll("@", `${this.dir}/tree`));
  }

  async run(...args: string[]) {
    const written = { out: "", err: "" };
    const sink = (to: "out" | "err") =>
      new LineWriter({
        writeSync: (bytes) => {
          written[to] += new TextDecoder().decode(bytes).replaceAll(this.dir, "DIR");
          return bytes.length;
        },
      }, 0);
    const host: Host = {
      args: ["--check-config", ...args],
      env: (name) => name === "CSYNC2_SYSTEM_DIR" ? this.dir : undefined,
      stdout: sink("out"),
      stderr: sink("err"),
      isTerminal: false,
      columns: () => 80,
      now: () => new Date(0),
      pid: 1,
      signal: new AbortController().signal,
      endGently: () => {},
    };
    return { rc: await main(host), ...written };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

const GROUP = "group g { host a b; key k; include PATTERNS; }\n";
const PREFIX = "prefix p { on *: @/link; } prefix q { on *: @; } prefix far { on b: /x; }\n";

Deno.test("D 7.1.13 --check-config says nothing and gives 0 when there is nothing to say", async () => {
  using place = new Place(
    GROUP.replace("PATTERNS", "@/real/sub @/real/* @/link %q%/real/x %far%/y") + PREFIX,
  );
  assert.deepEqual(await place.run("-N", "a"), { rc: 0, out: "", err: "" });
  const before = [...Deno.readDirSync(place.dir)].length;
  assert.equal(before, 3, "nothing was made");
});

Deno.test("D 7.1.13 --check-config finds patterns that lead through a symbolic link", async () => {
  using place = new Place(
    GROUP.replace(
      "PATTERNS",
      "@/link/sub @/link/* %p%/sub %q%/link/x *.c /x//y; include @/none/link/x",
    ) +
      PREFIX,
  );
  const { rc, out, err } = await place.run("-N", "a");
  assert.deepEqual([rc, err], [1, ""]);
  const through = "leads through the symbolic link DIR/tree/link: nothing behind it is found";
  assert.deepEqual(out.replaceAll(/cfg:1:\d+/g, "cfg:1:N").split("\n"), [
    `DIR/csync2.cfg:1:N: WARNING: include "DIR/tree/link/sub" ${through}`,
    `DIR/csync2.cfg:1:N: WARNING: include "DIR/tree/link/*" ${through}`,
    `DIR/csync2.cfg:1:N: WARNING: include "%p%/sub" ${through}`,
    `DIR/csync2.cfg:1:N: WARNING: include "%q%/link/x" ${through}`,
    'DIR/csync2.cfg:1:N: WARNING: include "/x//y" never matches: no name has two slashes in a row',
    "",
  ]);
});

Deno.test("D 7.1.13 --check-config tells errors after what it found, for any host", async () => {
  using place = new Place(GROUP.replace("PATTERNS", "a/b @/link/x"));
  const { rc, out, err } = await place.run("-N", "stranger");
  assert.equal(rc, 1);
  assert.match(out, /^DIR\/csync2\.cfg:1:\d+: WARNING: include "a\/b" never matches: .*\n$/);
  assert.match(err, /^This host \(stranger\) is not a member of any configured group\./);
  using wrong = new Place("group g { host a; key k; include /x }");
  const syntax = await wrong.run("-N", "a");
  assert.deepEqual([syntax.rc, syntax.out], [1, ""]);
  assert.match(syntax.err, /^Near line 1: syntax error \(DIR\/csync2\.cfg:1:37: /);
});

Deno.test("D 7.1.13 --check-config checks what -C names, and takes no arguments", async () => {
  using place = new Place(GROUP.replace("PATTERNS", "/x"));
  Deno.writeTextFileSync(`${place.dir}/csync2_two.cfg`, GROUP.replace("PATTERNS", "a/b"));
  assert.equal((await place.run("-N", "a")).rc, 0);
  const { rc, out } = await place.run("-N", "a", "-C", "two");
  assert.equal(rc, 1);
  assert.match(out, /^DIR\/csync2_two\.cfg:1:\d+: WARNING/);
  const usage = await place.run("file");
  assert.equal(usage.rc, 1);
  assert.match(usage.err, /^csync2: this mode takes 0 arguments, not 1\n/);
});
