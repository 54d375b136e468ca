/**
 * Two hosts and a proxy that cuts their connection: hundreds of sessions from the same start. Both see
 * their tree at the same path, or below the same prefix.
 */
import { CNode, type CutNode, InnerNode, type NodeKind, ProcessNode } from "./cut_node.ts";
import { CutProxy } from "./cut_proxy.ts";

const SUBJECT = "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd";
const KEY = "cutcutcutcutcutcutcutcutcutcutcut";

export interface CutBedOptions {
  readonly client: NodeKind;
  readonly server: NodeKind;
  readonly tls?: boolean;
  /**
   * A third host, ours, which is reached without the proxy, and after the server when one is served
   * after the other. @default {false}
   */
  readonly third?: boolean;
  /** Last part but one of the addresses: 127.36.NET.1 is the client, .3 the server, .2 the third. */
  readonly net: number;
  /** Shell commands in both trees, before both databases learn what is there. */
  readonly before: string;
  /** Shell commands in the client's tree, which is checked afterwards. */
  readonly change: string;
  /** Shell commands in the server's tree that its database learns without a mark. */
  readonly known?: string;
  /** Shell commands in the server's tree that its database does not know of. */
  readonly unknown?: string;
  /** Lines of the group besides hosts, key and include. */
  readonly group?: string;
}

export function sh(script: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-ec", script, "sh", ...args],
    env: { LC_ALL: "C" },
  }).outputSync();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

export class CutBed implements AsyncDisposable {
  readonly base: string;
  readonly client: CutNode;
  readonly server: CutNode;
  readonly third: CutNode | undefined;
  readonly proxy: CutProxy;
  readonly #options: CutBedOptions;

  private constructor(options: CutBedOptions, base: string, proxy: CutProxy) {
    const { client, server, net, third = false } = options;
    this.base = base;
    this.proxy = proxy;
    this.#options = options;
    const mount = `${base}/mount`;
    // Where one of them is a C program, the other one has its tree where that one mounts its own.
    const isMixed = client === "c" || server === "c";
    const tree = (kind: NodeKind, letter: string) =>
      isMixed && kind !== "c" ? mount : `${base}/${letter}/tree`;
    Deno.mkdirSync(mount, { recursive: true });
    const node = (letter: "a" | "b" | "c", kind: NodeKind) =>
      new KINDS[kind]({
        base: `${base}/${letter}`,
        tree: tree(kind, letter),
        host: `127.36.${net}.${HOST_PARTS[letter]}`,
        // All peers of a host have one port: that of the proxy.
        port: letter === "b" ? SERVER_PORT : PROXY_PORT,
        mount,
      });
    this.client = node("a", client);
    this.server = node("b", server);
    if (third) this.third = node("c", "inner");
  }

  static async make(options: CutBedOptions): Promise<CutBed> {
    const { net, client, server } = options;
    const place = client === "process" || server === "process" ? {} : inMemory();
    const base = Deno.makeTempDirSync({ ...place, prefix: "csync2-cut-" });
    const proxy = await CutProxy.start({
      host: `127.36.${net}.${HOST_PARTS.b}`,
      clientHost: `127.36.${net}.${HOST_PARTS.a}`,
      listenPort: PROXY_PORT,
      serverPort: SERVER_PORT,
    });
    const bed = new CutBed(options, base, proxy);
    await using undo = new AsyncDisposableStack();
    undo.use(bed);
    bed.#configure();
    await bed.#prepare();
    undo.move();
    return bed;
  }

  get #nodes(): CutNode[] {
    return [this.client, this.server, ...(this.third === undefined ? [] : [this.third])];
  }

  #configure(): void {
    const nodes = this.#nodes;
    const { tls = false, group = "" } = this.#options;
    const isMixed = nodes.some(({ isOurs }) => !isOurs);
    const hosts = nodes.map(({ host }) => host).join(" ");
    const include = isMixed ? `${this.base}/mount` : "%tree%";
    for (const node of this.#nodes) {
      const etc = `${node.base}/etc`;
      Deno.writeTextFileSync(`${etc}/cut.key`, `${KEY}\n`, { mode: 0o600 });
      if (tls) makeCertificate(etc);
      const text = [
        tls ? "" : "nossl * *;",
        isMixed
          ? ""
          : `prefix tree { ${nodes.map(({ host, tree }) => `on ${host}: ${tree};`).join(" ")} }`,
        `group g { host ${hosts}; key cut.key; include ${include}; ${group} }`,
        "",
      ].join("\n");
      Deno.writeTextFileSync(`${etc}/csync2.cfg`, text);
    }
  }

  async #prepare(): Promise<void> {
    const { before, change, known, unknown } = this.#options;
    const { client, server } = this;
    for (const node of this.#nodes) {
      sh(`cd "$1"; ${before}\nfind . -exec touch -h -d @1400000000 {} +`, node.tree);
      await succeeds(node, "-cIr", "/");
    }
    if (known !== undefined) {
      sh(`cd "$1"; ${known}`, server.tree);
      await succeeds(server, "-cIr", "/");
    }
    if (unknown !== undefined) sh(`cd "$1"; ${unknown}`, server.tree);
    sh(`cd "$1"; ${change}`, client.tree);
    await succeeds(client, "-cr", "/");
    for (const { base, tree } of this.#nodes) {
      sh('cp -a "$1/." "$2/kept/tree"; cp -a "$2/db/." "$2/kept/db"', tree, base);
    }
  }

  /** Both hosts as they were prepared. */
  async reset(): Promise<void> {
    for (const node of this.#nodes) await node.stop();
    sh(RESET, ...this.#nodes.flatMap(({ tree, base }) => [tree, base]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node.end();
    await this.proxy[Symbol.asyncDispose]();
    Deno.removeSync(this.base, { recursive: true });
  }
}

const RESET = `while [ $# -gt 0 ]; do
  find "$1" -mindepth 1 -delete; rm -f "$2"/db/*
  cp -a "$2/kept/tree/." "$1"; cp -a "$2/kept/db/." "$2/db"; shift 2; done`;

/** Peers are served in descending order. */
const HOST_PARTS = { a: 1, b: 3, c: 2 };
const KINDS = { inner: InnerNode, process: ProcessNode, c: CNode };
const PROXY_PORT = 30_865;
const SERVER_PORT = 30_866;

/**
 * Thousands of trees are made: not on a disk, where there is another place. Not for our program as a
 * process: with its permissions the runtime keeps it from files below /dev.
 */
function inMemory(): Deno.MakeTempOptions {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? { dir: "/dev/shm" } : {};
  } catch {
    return {};
  }
}

async function succeeds(node: CutNode, ...args: string[]): Promise<void> {
  const { rc, stderr } = await node.run(...args);
  if (rc !== 0 || stderr !== "") throw new Error(`${args.join(" ")}: ${rc} ${stderr}`);
}

function makeCertificate(dir: string): void {
  sh(
    `openssl req -x509 -newkey rsa:2048 -nodes -days 600 -subj "$3" -keyout "$1" -out "$2" 2>&1
     chmod 600 "$1"`,
    `${dir}/csync2_ssl_key.pem`,
    `${dir}/csync2_ssl_cert.pem`,
    SUBJECT,
  );
}
