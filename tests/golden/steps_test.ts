/** Cases with steps, replayed against the whole program. */
import { DEVIATIONS } from "./deviations.ts";
import { execute, load, type Step, Surroundings } from "./steps.ts";

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined;

for (const file of ["check-flows", "listing", "actions", "sync", "fork-2.1.1"]) {
  if (isReal && file.startsWith("fork")) continue; // another program
  for (const { name, steps } of load<{ cases: Case[] }>(file).cases) {
    Deno.test(`golden ${file}: ${name}`, async () => {
      await using s = new Surroundings();
      for (const [at, step] of steps.entries()) {
        const id = `${file}/${name}#${at}`;
        try {
          await execute(s, step, isReal ? undefined : DEVIATIONS[id]);
        } catch (error) {
          throw new Error(`${id} ${step.op} ${JSON.stringify(step.args ?? step.path ?? "")}`, {
            cause: error,
          });
        }
      }
    });
  }
}
