/**
 * `deno run -A many_servers.ts HOME PORT NAME..`: the servers of many hosts in one process, each with its
 * own address, system directory, database and tree. They are the program itself, started with the
 * arguments that a process of its own would have; fifty processes would need fifty runtimes.
 */
import { type Host, LineWriter, main } from "../../src/cli/mod.ts";

const ending = new AbortController();
Deno.addSignalListener("SIGTERM", () => ending.abort());

function hostOf(name: string, { home, port }: { home: string; port: string }): Host {
  return {
    args: ["-N", name, "-D", `${home}/${name}/db`, "-p", port, "-ii"],
    env: (variable) =>
      variable === "CSYNC2_SYSTEM_DIR" ? `${home}/${name}/etc` : Deno.env.get(variable),
    stdout: new LineWriter(Deno.stderr),
    stderr: new LineWriter(Deno.stderr, 0),
    isTerminal: false,
    columns: () => 80,
    now: () => new Date(),
    pid: Deno.pid,
    signal: ending.signal,
    endGently: () => {},
  };
}

const [home = "", port = "", ...names] = Deno.args;
const codes = await Promise.all(names.map((name) => main(hostOf(name, { home, port }))));
Deno.exit(Math.max(...codes));
