/** csync2: dispatch, signals, exit code. */
import { argumentBytes, fatalLine, type Host, LineWriter, main } from "./src/cli/mod.ts";

const ending = new AbortController();

/** The first signal asks to finish what is in hand, the second one ends at once. */
function onSignal(code: number): () => void {
  return () => {
    if (ending.signal.aborted) Deno.exit(code);
    ending.abort();
  };
}

/** Until then the system ends the process, however busy it is. */
function endGently(): void {
  Deno.addSignalListener("SIGTERM", onSignal(143));
  Deno.addSignalListener("SIGINT", onSignal(130));
}

const DEFAULT_COLUMNS = 80;

/** Columns of the terminal; some terminals do not know. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** A name that is not known byte by byte is not guessed. */
function ownArguments(): string[] {
  try {
    return argumentBytes(Deno.args);
  } catch (error) {
    new LineWriter(Deno.stderr, 0).line(fatalLine(error));
    Deno.exit(1);
  }
}

const host: Host = {
  args: ownArguments(),
  env: (name) => Deno.env.get(name),
  stdout: new LineWriter(Deno.stdout),
  stderr: new LineWriter(Deno.stderr, 0),
  isTerminal: Deno.stderr.isTerminal(),
  columns,
  now: () => new Date(),
  pid: Deno.pid,
  signal: ending.signal,
  endGently,
};

Deno.exit(await main(host));
