/** An rsync daemon on loopback or on a slow line, and pushes to it. */
import { listening, measure, type Measured, run, Watch } from "./process.ts";

export interface RsyncOptions {
  /** For the daemon's configuration. */
  readonly dir: string;
  readonly address: string;
  readonly port: number;
  readonly target: string;
  /** The words that start a command at the daemon's end, and at ours. @default none */
  readonly within?: { readonly server: readonly string[]; readonly client: readonly string[] };
}

export class Rsync implements AsyncDisposable {
  private constructor(
    readonly options: RsyncOptions,
    private readonly daemon: Deno.ChildProcess,
  ) {}

  static async start(options: RsyncOptions): Promise<Rsync> {
    const { dir, address, port, target, within } = options;
    Deno.writeTextFileSync(
      `${dir}/rsyncd.conf`,
      `use chroot = no\nuid = 0\ngid = 0\n[t]\npath = ${target}\nread only = no\n`,
    );
    const own = [`--port=${port}`, `--address=${address}`, `--config=${dir}/rsyncd.conf`];
    const words = [...(within?.server ?? []), "rsync", "--daemon", "--no-detach", ...own];
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const daemon = new Deno.Command(words[0]!, { args: words.slice(1), ...quiet }).spawn();
    const rsync = new Rsync(options, daemon);
    try {
      await rsync.#listens();
    } catch (error) {
      await rsync[Symbol.asyncDispose]();
      throw error;
    }
    return rsync;
  }

  async #listens(): Promise<void> {
    const { address, port, within } = this.options;
    if (within === undefined) return await listening(address, port);
    const probe = `until exec 3<>/dev/tcp/${address}/${port}; do sleep 0.05; done 2>/dev/null`;
    await run(...within.client, "timeout", "15", "bash", "-c", probe);
  }

  /** Makes the daemon's tree like `source`. */
  async push(source: string, ...flags: string[]): Promise<Measured> {
    const { address, port, within } = this.options;
    const url = `rsync://${address}:${port}/t/`;
    const words = ["rsync", "-a", "--delete", ...flags, `${source}/`, url];
    using watch = new Watch(this.daemon.pid);
    return await measure({ words: [...(within?.client ?? []), ...words] }, watch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.daemon.kill("SIGTERM");
    await this.daemon.status;
  }
}
