/** Starts programs the way inetd, sshd and systemd do. */

/** Accepts one connection and gives it to the program: descriptors 0, 1 and, as inetd does, 2. */
const INETD = `
  use Socket; my ($host, @words) = @ARGV;
  socket(my $l, PF_INET, SOCK_STREAM, 0) or die; bind($l, pack_sockaddr_in(0, inet_aton($host))) or die;
  listen($l, 5) or die; my ($port) = unpack_sockaddr_in(getsockname($l));
  syswrite(STDOUT, "$port\\n"); accept(my $c, $l) or die; close($l);
  open(STDIN, "<&", $c); open(STDOUT, ">&", $c); open(STDERR, ">&", $c); exec(@words) or die;
`;
/** Listens on descriptor 3 and starts the program with systemd's variables. */
const SYSTEMD = `
  use Socket; use POSIX (); $^F = 10; my ($host, @words) = @ARGV;
  socket(my $l, PF_INET, SOCK_STREAM, 0) or die;
  bind($l, pack_sockaddr_in(0, inet_aton($host))) or die; listen($l, 5) or die;
  my ($port) = unpack_sockaddr_in(getsockname($l)); syswrite(STDOUT, "$port\\n");
  fileno($l) == 3 or POSIX::dup2(fileno($l), 3) or die;
  $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; exec(@words) or die;
`;

export interface Spawned extends AsyncDisposable {
  readonly port: string;
  /** What the program wrote to its standard output after the port; ends with the program. */
  output(): Promise<string>;
}

/** `words` started by a super-server that listens on `host`. */
export async function superServer(
  kind: "inetd" | "systemd",
  { host, words }: { host: string; words: readonly string[] },
): Promise<Spawned> {
  const child = new Deno.Command("perl", {
    args: ["-e", kind === "inetd" ? INETD : SYSTEMD, host, ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The super-server ended: ${text}`);
    text += value;
  }
  const [port = "", ...rest] = text.split("\n");
  return {
    port,
    async output() {
      let all = rest.join("\n");
      for (let next; !(next = await reader.read()).done;) all += next.value;
      return all;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended */ }
      await reader.cancel();
      await child.status;
    },
  };
}

/** The words that run a TypeScript program with this Deno. */
export function denoWords(program: string, ...args: string[]): string[] {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  return [Deno.execPath(), "run", "-A", "--no-prompt", "--config", config, program, ...args];
}
