/** A cluster in which each host has a mount namespace of its own that lasts, with disks to take away. */
import { Cluster, type ClusterOptions, type Kind } from "./cluster.ts";

/**
 * Every node sees its tree at `mount`. Disks are tmpfs, kept in the directory `disk` of the node's
 * namespace and mounted from there, so that taking one away loses nothing.
 */
export class MountCluster extends Cluster {
  readonly #holders = new Map<string, Deno.ChildProcess>();

  static async make(options: ClusterOptions): Promise<MountCluster> {
    const hosts = Object.keys(options.nodes).map((
      node,
      at,
    ) => [`${node}.demo`, `127.33.0.${at + 1}`]);
    const cluster = new MountCluster({ network: Object.fromEntries(hosts), ...options });
    for (const node of Object.keys(options.nodes)) await cluster.#hold(node);
    return cluster;
  }

  /** A process that does nothing keeps the namespace. */
  async #hold(node: string): Promise<void> {
    const script = 'mkdir -p "$2" && mount --bind "$0" "$1" && mount -t tmpfs none "$2" && ' +
      'mount --bind "$3" /etc/hosts && echo ready && exec sleep 100000';
    const holder = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--propagation", "private", "sh", "-c", script],
        ...[this.tree(node), this.mount, this.#disks(node), `${this.base}/hosts`],
      ],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#holders.set(node, holder);
    const reader = holder.stdout.getReader();
    const { done } = await reader.read();
    await reader.cancel();
    if (done) throw new Error(`No mount namespace for ${node}`);
  }

  #disks(node: string): string {
    return `${this.base}/${node}/disk`;
  }

  #enter(node: string): string[] {
    return ["nsenter", `--mount=/proc/${this.#holders.get(node)!.pid}/ns/mnt`, "--"];
  }

  override words(node: string, args: readonly string[], as: Kind = this.kind(node)): string[] {
    const words = super.words(node, args, as);
    // unshare --mount sh -c SCRIPT TREE MOUNT program ..
    return [...this.#enter(node), ...words.slice(words.indexOf("-c") + 4)];
  }

  /** Shell commands in the node's namespace, in its tree; their output. */
  inside(node: string, script: string): string {
    const [program = "", ...args] = [...this.#enter(node), "sh", "-ec", script];
    const command = `cd '${this.mount}'; ${args.pop()}`;
    const { success, stdout, stderr } = new Deno.Command(program, { args: [...args, command] })
      .outputSync();
    const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
    if (!success) throw new Error(`${script}: ${text(stderr)}`);
    return text(stdout);
  }

  /** Names of all files below the node's tree with their content, directories with a slash. */
  files(node: string): string[] {
    const list = this.inside(
      node,
      "find . -mindepth 1 -type d -printf '%P/\\n' -o -mindepth 1 -printf '%P\\n'",
    );
    return list.split("\n").filter((line) => line !== "").sort();
  }

  /** Mounts the disk `name`, made on first use, at `at` below the tree. */
  plug(node: string, name: string, at: string): void {
    const disk = `${this.#disks(node)}/${name}`;
    this.inside(
      node,
      `test -d '${disk}' || { mkdir '${disk}'; mount -t tmpfs none '${disk}'; chmod 755 '${disk}'; }
       mkdir -p '${at}'; mount --bind '${disk}' '${at}'`,
    );
  }

  unplug(node: string, at: string): void {
    this.inside(node, `umount '${at}'`);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#holders.keys()) await this.stop(node);
    for (const holder of this.#holders.values()) {
      holder.kill("SIGKILL");
      await holder.status;
    }
    await super[Symbol.asyncDispose]();
  }
}
