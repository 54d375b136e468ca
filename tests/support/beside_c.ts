/** One database that Debian's csync2 and ours use in turn: directories, configuration, both programs. */
import assert from "node:assert/strict";
import { openState, type StateStore } from "../../src/state/mod.ts";

const DEADLINE_MS = 60_000;

export interface BesideCOptions {
  /** `-D` of both, from the directory of this place. */
  readonly database: (dir: string) => string;
  /** Statements of the group beside its hosts, key and include. */
  readonly more?: (dir: string) => string;
}

export class BesideC implements Disposable {
  readonly dir = Deno.makeTempDirSync();
  readonly tree = `${this.dir}/tree`;
  readonly database: string;

  constructor({ database, more = () => "" }: BesideCOptions) {
    this.database = database(this.dir);
    for (const dir of ["etc", "tree", "db"]) Deno.mkdirSync(`${this.dir}/${dir}`);
    Deno.writeTextFileSync(`${this.dir}/etc/demo.key`, `${"k".repeat(64)}\n`, { mode: 0o600 });
    Deno.writeTextFileSync(
      `${this.dir}/etc/csync2.cfg`,
      "nossl * *;\ngroup g\n{\n  host a.demo b.demo;\n  key demo.key;\n" +
        `  include ${this.tree};\n${more(this.dir)}}\n`,
    );
  }

  /** Runs the C program. @returns its output as a byte string */
  async c(args: readonly string[], { rc = 0 }: { rc?: number } = {}): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command("csync2", {
      args: ["-N", "a.demo", "-D", this.database, ...args],
      env: { CSYNC2_SYSTEM_DIR: `${this.dir}/etc`, LC_ALL: "C" },
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output();
    assert.equal(code, rc, new TextDecoder().decode(stderr));
    return Array.from(stdout, (byte) => String.fromCharCode(byte)).join("");
  }

  ours(): Promise<StateStore> {
    return openState({
      database: this.database,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 12,
      defaultDir: this.dir,
    });
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.tree}/${name}`, text);
    Deno.utimeSync(`${this.tree}/${name}`, 1_600_000_000, 1_600_000_000);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

/** All rows of a read. */
export async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}
