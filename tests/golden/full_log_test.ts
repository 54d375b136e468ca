/** The full log of the 2.1.1 fork. */
import assert from "node:assert/strict";
import { DEVIATIONS } from "./deviations.ts";
import { load, type RunResult, sameRun, Surroundings } from "./steps.ts";

interface FullLogCase extends Omit<RunResult, "stdout"> {
  readonly args: string[];
  readonly log_file_mode?: string;
  readonly log_lines_without_sql?: string[];
  readonly file_made?: boolean;
  readonly default_file_made?: boolean;
}
interface ForkCases {
  readonly full_log: FullLogCase[];
}

const FORK = load<ForkCases>("fork-2.1.1");
const CONFIG = "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n}\n";
const DEFAULT_FULL_LOG = "/tmp/csync2_full_log.log";
const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined; // the fork is another program

for (const [at, c] of FORK.full_log.entries()) {
  if (isReal) break;
  Deno.test(`golden fork-2.1.1/full_log#${at}: ${c.args.join(" ")}`, async () => {
    await using s = new Surroundings();
    s.config(CONFIG.replaceAll("@", s.base));
    await using standard = await withoutDefaultLog();
    const got = await s.run(c.args);
    sameRun(got, { ...c, stdout: "" });
    if (c.log_lines_without_sql !== undefined) {
      const ours = DEVIATIONS[`fork-2.1.1/full_log#${at} lines`];
      const log = s.recorded(Deno.readTextFileSync(`${s.base}/out/full.log`));
      const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("SQL"));
      assert.deepEqual(lines, ours?.data?.split("\n") ?? c.log_lines_without_sql);
      const mode = Deno.statSync(`${s.base}/out/full.log`).mode!.toString(8);
      assert.equal(
        mode,
        DEVIATIONS[`fork-2.1.1/full_log#${at} mode`]?.stat?.mode ?? c.log_file_mode,
      );
    }
    if (c.file_made !== undefined) {
      assert.equal([...Deno.readDirSync(`${s.base}/out`)].length > 0, c.file_made);
    }
    if (c.default_file_made !== undefined) assert.equal(standard.isMade(), c.default_file_made);
  });
}

/** The default log's place is the same for all tests: what is there is put aside for a while. */
async function withoutDefaultLog(): Promise<AsyncDisposable & { isMade(): boolean }> {
  const aside = `${DEFAULT_FULL_LOG}.${Deno.pid}`;
  const isMade = () => exists(DEFAULT_FULL_LOG);
  const wasThere = isMade();
  if (wasThere) await Deno.rename(DEFAULT_FULL_LOG, aside);
  return {
    isMade,
    async [Symbol.asyncDispose]() {
      if (isMade()) await Deno.remove(DEFAULT_FULL_LOG);
      if (wasThere) await Deno.rename(aside, DEFAULT_FULL_LOG);
    },
  };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
