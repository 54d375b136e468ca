/**
 * Real database servers for tests: own data folder, own address on loopback, own Unix socket. They end
 * with the test process, however that ends: a shell watches the pipe that leads to it.
 */

export type ServerKind = "postgresql" | "mariadb";

/** What the tests' servers need, and Debian's packages of it. */
const NEEDS: Readonly<Record<ServerKind, { program: string; client: string; package: string }>> = {
  postgresql: { program: "postgres", client: "psql", package: "postgresql" },
  mariadb: { program: "mariadbd", client: "mariadb", package: "mariadb-server" },
};

/** A password with everything that breaks connection strings and URLs. */
export const PASSWORD = "s'e\"c r@t/:?#\\x%41";
export const USER = "csync2";
/** For the C program: it takes URLs apart at the first special character. */
export const PLAIN = { user: "plain", password: "plain" };
const START_DEADLINE_MS = 60_000;
const PORT = 15_432;

/** The folder that has the server's programs; undefined when it is not installed. */
function programDir(kind: ServerKind): string | undefined {
  const dirs = kind === "mariadb" ? ["/usr/sbin", "/usr/bin"] : versions("/usr/lib/postgresql");
  return dirs.find((dir) => exists(`${dir}/${NEEDS[kind].program}`));
}

function versions(dir: string): string[] {
  if (!exists(dir)) return [];
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
  return names.sort((a, b) => Number(b) - Number(a)).map((name) => `${dir}/${name}/bin`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** The kinds that can be tested here. Without a server that is said loudly, and in CI it is a failure. */
export function installedServers(): readonly ServerKind[] {
  return (Object.keys(NEEDS) as ServerKind[]).filter((kind) => {
    if (programDir(kind) !== undefined && Deno.uid() === 0) return true;
    const text = `LEFT OUT: tests with ${kind}: not installed, or not root ` +
      `(apt-get install ${NEEDS[kind].package})`;
    if (Deno.env.get("CI") === "true") throw new Error(text);
    console.error(text);
    return false;
  });
}

export class DatabaseServer implements AsyncDisposable {
  readonly kind: ServerKind;
  readonly dir = Deno.makeTempDirSync({ prefix: "csync2-db-" });
  readonly host: string;
  readonly port = PORT;
  /** PostgreSQL: the directory, MariaDB: the socket itself. */
  readonly socket: string;
  #shell: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array>;
  #answers: ReadableStreamDefaultReader<Uint8Array>;

  static async start(kind: ServerKind): Promise<DatabaseServer> {
    const server = new DatabaseServer(kind);
    try {
      await server.#answer(); // started
      if (kind === "mariadb") {
        const name = `'${USER}'@'%' IDENTIFIED BY '${PASSWORD.replace(/['\\]/g, "\\$&")}'`;
        server.sql("mysql", `CREATE USER ${name}; GRANT ALL ON *.* TO '${USER}'@'%'`);
        server.sql("mysql", "GRANT ALL ON *.* TO 'plain'@'%' IDENTIFIED BY 'plain'");
      } else {
        const password = PASSWORD.replaceAll("'", "''");
        server.sql("postgres", `CREATE ROLE ${USER} LOGIN CREATEDB PASSWORD '${password}'`);
        server.sql("postgres", "CREATE ROLE plain LOGIN CREATEDB PASSWORD 'plain'");
      }
      return server;
    } catch (error) {
      const log = Deno.readTextFileSync(`${server.dir}/log`).slice(-2_000);
      await server[Symbol.asyncDispose]();
      throw new Error(`${kind} does not start: ${log}`, { cause: error });
    }
  }

  private constructor(kind: ServerKind) {
    this.kind = kind;
    const [x, y] = crypto.getRandomValues(new Uint8Array(2));
    this.host = `127.37.${x}.${1 + (y ?? 0) % 254}`;
    Deno.chmodSync(this.dir, 0o755);
    this.socket = kind === "mariadb" ? `${this.dir}/data/socket` : `${this.dir}/data`;
    this.#shell = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPTS[kind], "sh", this.dir, programDir(kind) ?? "", this.host, `${PORT}`],
      env: { LC_ALL: "C", TZ: "UTC" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#shell.stdin.getWriter();
    this.#answers = this.#shell.stdout.getReader();
  }

  /** Runs statements as the administrator, with the server's own client: a foreign program. */
  sql(database: string, text: string): string {
    const socket = this.kind === "mariadb" ? this.socket : this.dir + "/data";
    const args = this.kind === "mariadb"
      ? ["--no-defaults", "-S", socket, "-u", "root", "-N", "-B", "-r", database, "-e", text]
      : ["-h", socket, "-p", `${PORT}`, "-U", "postgres", "-d", database, "-XAtq", "-F", "\t"]
        .concat(["-v", "ON_ERROR_STOP=1", "-c", text]);
    const { success, stdout, stderr } = new Deno.Command(NEEDS[this.kind].client, {
      args,
      env: { LC_ALL: "C", PGCLIENTENCODING: "SQL_ASCII" },
    }).outputSync();
    if (!success) throw new Error(`${text}: ${new TextDecoder().decode(stderr)}`);
    return Array.from(stdout, (byte) => String.fromCharCode(byte)).join("").trimEnd();
  }

  /** The value of `-D`; byte string. */
  url(database = "", { host = this.host, user = USER, password = PASSWORD, options = "" } = {}) {
    const scheme = this.kind === "mariadb" ? "mysql" : "pgsql";
    return `${scheme}://${user}:${password}@${host}:${PORT}/${database}${options}`;
  }

  /** Stops it, connections and all, without asking anybody. */
  async kill(): Promise<void> {
    await this.#command("kill");
  }

  async startAgain(): Promise<void> {
    await this.#command("start");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#answers.cancel();
    await this.#shell.status;
  }

  async #command(word: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${word}\n`));
    await this.#answer();
  }

  async #answer(): Promise<void> {
    const late = setTimeout(() => this.#shell.kill("SIGTERM"), START_DEADLINE_MS);
    const { value } = await this.#answers.read();
    clearTimeout(late);
    const text = new TextDecoder().decode(value).trim();
    if (text !== "done") throw new Error(`the server's shell says "${text}"`);
  }
}

/** Before anything is made: whatever ends this, the server ends and its folder goes. */
const TRAPS = `
trap 'down; rm -rf "$dir"' EXIT
trap 'exit 1' TERM INT HUP
trap '' PIPE # nobody may be listening any more: that must not skip the end
`;

/** Obeys words from its standard input, says `done` after each, and cleans up at the end of it. */
const LOOP = `
up && echo done || exit 1
while read -r word; do
  case $word in
    kill) kill -KILL $pid; wait $pid 2>/dev/null; pid=; echo done ;;
    start) up && echo done || exit 1 ;;
  esac
done
`;

/** A certificate for the server's address that is its own authority: `$dir/cert.pem`. */
const CERTIFICATE = `
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=test \\
  -addext "subjectAltName=IP:$host" -keyout "$dir/key.pem" -out "$dir/cert.pem" >&2 || exit 1
`;

const SCRIPTS: Readonly<Record<ServerKind, string>> = {
  postgresql: `
dir=$1 bin=$2 host=$3 port=$4 pid=
cd /; exec 2>"$dir/log"; mkdir "$dir/data"; chown postgres "$dir/data"
as() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
down() { [ -z "$pid" ] || { kill -INT $pid; wait $pid; }; }
up() {
  rm -f "$dir"/data/postmaster.pid
  setpriv --reuid=postgres --regid=postgres --init-groups -- \\
    "$bin/postgres" -D "$dir/data" -c listen_addresses="$host" -c port=$port -c fsync=off \\
    -c ssl=on -c ssl_cert_file="$dir/cert.pem" -c ssl_key_file="$dir/key.pem" \\
    -c unix_socket_directories="$dir/data" -c max_connections=60 -c shared_buffers=32MB </dev/null >&2 &
  pid=$!
  for try in $(seq 600); do
    "$bin/pg_isready" -q -h "$dir/data" -p $port && return 0
    kill -0 $pid || return 1
    sleep 0.1
  done
  return 1
}
${TRAPS}
as "$bin/initdb" -D "$dir/data" -U postgres --no-sync -E UTF8 --locale=C.UTF-8 \\
  --auth-local=trust --auth-host=scram-sha-256 >&2 || exit 1
${CERTIFICATE}
chown postgres "$dir/key.pem"
${LOOP}`,
  mariadb: `
dir=$1 bin=$2 host=$3 port=$4 pid=
cd /; exec 2>"$dir/log"
down() { [ -z "$pid" ] || { kill -TERM $pid; wait $pid; }; }
up() {
  "$bin/mariadbd" --no-defaults --user=mysql --datadir="$dir/data" --bind-address="$host" \\
    --port=$port --socket="$dir/data/socket" --pid-file="$dir/data/pid" --skip-log-bin \\
    --tmpdir="$dir/tmp" \\
    --ssl-cert="$dir/cert.pem" --ssl-key="$dir/key.pem" \\
    --innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=2 </dev/null >&2 &
  pid=$!
  for try in $(seq 600); do
    mariadb-admin --no-defaults -S "$dir/data/socket" -u root --silent ping >&2 && return 0
    kill -0 $pid || return 1
    sleep 0.1
  done
  return 1
}
${TRAPS}
# Not /tmp: a server that starts removes there what another one is using.
mkdir "$dir/tmp" && chown mysql "$dir/tmp" || exit 1
mariadb-install-db --no-defaults --user=mysql --datadir="$dir/data" --skip-test-db \\
  --tmpdir="$dir/tmp" \\
  --auth-root-authentication-method=normal >&2 || exit 1
${CERTIFICATE}
chown mysql "$dir/key.pem"
${LOOP}`,
};
