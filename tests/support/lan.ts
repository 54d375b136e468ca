/**
 * Some hosts of ours in one process: each with a tree, a database on disk and a server. What runs on a
 * host opens the database anew, as another program would. Names are `%p%/...`.
 */
import { check, type CheckOptions, markPaths } from "../../src/check/mod.ts";
import { compare } from "../../src/compare/mod.ts";
import type { Config } from "../../src/config/mod.ts";
import { openJail, openReadJail, PathLocks } from "../../src/fs/mod.ts";
import type { DbName, DiskPath, HostName } from "../../src/model/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { Contexts, serve } from "../../src/serve/mod.ts";
import { openState, type StateStore } from "../../src/state/mod.ts";
import { type Dial, dialer, update, type UpdateOptions } from "../../src/update/mod.ts";
import { configOf } from "./config.ts";
import { MemoryDoors } from "./serving.ts";

export type Letter = "a" | "b" | "c" | "d";
const ADDRESS = { a: "127.38.0.1", b: "127.38.0.2", c: "127.38.0.3", d: "127.38.0.4" };

export interface LanOptions {
  /** @default {["a", "b", "c"]} */
  readonly letters?: readonly Letter[];
  /** Statements of the group besides hosts, key and include. */
  readonly group?: string;
}

export class Lan implements AsyncDisposable {
  readonly root = Deno.makeTempDirSync({ prefix: "csync2-lan-" });
  readonly hosts: readonly LanHost[];
  /** What all programs and servers said, in order. */
  readonly journal: string[] = [];

  private constructor(letters: readonly Letter[], text: string) {
    this.hosts = letters.map((letter) => new LanHost(this, letter, text));
  }

  static async open({ letters = ["a", "b", "c"], group = "" }: LanOptions = {}): Promise<Lan> {
    const names = letters.map((letter) => `${letter}.demo`);
    const on = names.map((name, at) => `on ${name}: ROOT/${letters[at]}/tree;`).join(" ");
    const text = `nossl * *; prefix p { ${on} }
      group g { host ${names.join(" ")}; key k; include %p%; ${group} }`;
    const lan = new Lan(letters, text);
    for (const host of lan.hosts) await host.start();
    return lan;
  }

  host(letter: Letter): LanHost {
    return this.hosts.find((host) => host.letter === letter)!;
  }

  /** By the name of a peer. */
  named(name: string): LanHost {
    return this.hosts.find((host) => host.name === name)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host.stop();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Keeps events, and writes them into the journal of the whole lan. */
class Teller extends MemoryReporter {
  constructor(private readonly lan: Lan, private readonly who: string) {
    super();
  }

  override note(event: Parameters<MemoryReporter["note"]>[0]): void {
    super.note(event);
    if (event.level <= 1) this.lan.journal.push(`${this.who}: ${event.text}`);
  }
}

export class LanHost {
  readonly name: HostName;
  readonly dir: string;
  readonly config: Config;
  /** What the last run and the server said. */
  reporter: MemoryReporter;
  readonly serverReporter: MemoryReporter;
  #runs = 0;
  /** Connections to this host fail. */
  isDown = false;
  #doors = new MemoryDoors();
  #contexts: Contexts | undefined;
  #served: Promise<void> | undefined;

  constructor(readonly lan: Lan, readonly letter: Letter, text: string) {
    this.name = `${letter}.demo` as HostName;
    this.dir = `${lan.root}/${letter}`;
    this.reporter = this.#teller();
    this.serverReporter = new Teller(lan, `server ${letter}`);
    Deno.mkdirSync(`${this.dir}/tree`, { recursive: true });
    this.config = configOf(text.replaceAll("ROOT", lan.root), { host: this.name });
  }

  path(name: string): string {
    return `${this.dir}/tree/${name}`;
  }

  static dbName(name: string): DbName {
    return (name === "" ? "%p%" : `%p%/${name}`) as DbName;
  }

  async openState(): Promise<StateStore> {
    return await openState({
      database: `${this.dir}/db`,
      hostName: this.name,
      configName: "",
      lockTimeoutSeconds: 12,
      defaultDir: this.dir,
      synchronous: false,
    });
  }

  async start(): Promise<void> {
    Deno.mkdirSync(`${this.dir}/db`, { recursive: true });
    await using first = await this.openState(); // makes the tables
    await first.dirtyPeers();
    this.#doors = new MemoryDoors();
    this.#contexts = new Contexts({
      reporter: this.serverReporter,
      open: async () => {
        const state = await this.openState();
        const jail = openJail();
        return {
          config: this.config,
          state,
          jail,
          locks: new PathLocks(),
          isCurrent: () => true,
          [Symbol.asyncDispose]: async () => {
            jail[Symbol.dispose]();
            await state[Symbol.asyncDispose]();
          },
        };
      },
      durability: "none",
    });
    this.#served = serve(this.#doors, {
      contexts: this.#contexts,
      reporter: this.serverReporter,
      hostName: this.name,
      resolvesTo: (name, address) => Promise.resolve(ADDRESS[name[0] as Letter] === address),
    });
  }

  async stop(): Promise<void> {
    this.#doors.close();
    await this.#served;
    await this.#contexts?.[Symbol.asyncDispose]();
  }

  /** A connection of `from` to the server of this host. */
  connect(from: Letter): ReturnType<MemoryDoors["connect"]> {
    if (this.isDown) throw new Error("down"); // the caller asks first
    return this.#doors.connect(ADDRESS[from]);
  }

  #teller(): MemoryReporter {
    return new Teller(this.lan, `${this.letter}${++this.#runs}`);
  }

  #dial(state: StateStore, reporter: MemoryReporter): Dial {
    const dial = dialer({
      config: this.config,
      state,
      reporter,
      connect: (peer) => Promise.resolve(this.lan.named(peer).connect(this.letter)),
      upgrade: () => Promise.reject(new Error("no TLS here")),
    });
    return (peer) => this.lan.named(peer).isDown ? Promise.resolve(undefined) : dial(peer);
  }

  /** `-cr /` */
  async check(options: Partial<CheckOptions> = {}): Promise<void> {
    const reporter = this.reporter = this.#teller();
    await using state = await this.openState();
    using jail = openReadJail();
    const { config } = this;
    const targets = [{ path: "/" as DiskPath, recursive: true }];
    await check({ config, state, jail, reporter, targets, ...options });
  }

  /** `-u` */
  async update(options: Partial<UpdateOptions> = {}): Promise<void> {
    const reporter = this.reporter = this.#teller();
    await using state = await this.openState();
    using jail = openReadJail();
    const { config } = this;
    await update({ config, state, jail, reporter, dial: this.#dial(state, reporter), ...options });
  }

  /** `-x` */
  async sync(options: Partial<UpdateOptions> = {}): Promise<void> {
    await this.check();
    await this.update({ isChecked: true, ...options });
  }

  /** `-m` */
  async mark(name: string): Promise<void> {
    await using state = await this.openState();
    const { config, reporter } = this;
    await markPaths({
      config,
      state,
      reporter,
      targets: [{ path: this.path(name) as DiskPath, recursive: false }],
    });
  }

  /** `-T`: its lines, sorted, without `%p%/`. */
  async test(): Promise<string[]> {
    const reporter = this.reporter = this.#teller();
    await using state = await this.openState();
    using jail = openReadJail();
    const { config } = this;
    await compare({ config, state, jail, reporter, dial: this.#dial(state, reporter) });
    return reporter.printed.map((line) => line.replaceAll("%p%/", "")).sort();
  }

  /** `-M`: `PEER NAME` of every mark, `!` in front when forced. */
  async marks(): Promise<string[]> {
    await using state = await this.openState();
    const pages = await Array.fromAsync(state.dirtyRows());
    return pages.flat().map(({ name, peer, forced }) =>
      `${forced ? "!" : ""}${peer[0]} ${name.slice(4)}`
    );
  }

  async records(): Promise<Record<string, string>> {
    await using state = await this.openState();
    const pages = await Array.fromAsync(state.records("ascending"));
    return Object.fromEntries(pages.flat().map((r) => [r.name.slice(4), r.stored]));
  }

  tree(): Record<string, string> {
    return treeOf(`${this.dir}/tree`);
  }
}

/** Name -> what is there: `dir`, `link TARGET`, or the content. */
export function treeOf(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (dir: string, below: string) => {
    for (const { name } of Deno.readDirSync(dir)) {
      const path = `${dir}/${name}`, shown = `${below}${name}`;
      const info = Deno.lstatSync(path);
      if (info.isSymlink) found[shown] = `link ${Deno.readLinkSync(path)}`;
      else if (info.isDirectory) {
        found[shown] = "dir";
        visit(path, `${shown}/`);
      } else found[shown] = Deno.readTextFileSync(path);
    }
  };
  visit(path, "");
  return found;
}
