/** A Receiver over a real tree, with a state in memory, asked by calls instead of over a connection. */
import { locate } from "../../src/config/mod.ts";
import { openJail, PathLocks } from "../../src/fs/mod.ts";
import type { Config } from "../../src/config/mod.ts";
import { type DbName, type HostName, percentDecode, type Present } from "../../src/model/mod.ts";
import type { Addressed, OfferAnswer, Offered } from "../../src/protocol/mod.ts";
import { checkStep } from "../../src/reconcile/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { Contexts, Receiver, type ReceiverOptions } from "../../src/serve/mod.ts";
import { MemoryStore } from "../../src/state/mod.ts";
import { configOf, keyOf } from "./config.ts";

const KEY = keyOf("k");

export interface ReceiverBedOptions extends Partial<ReceiverOptions> {
  /** The whole configuration; `ROOT` stands for the tree. */
  readonly config?: string;
  readonly hosts?: string;
  /** Called with the tree before anything looks at it. */
  readonly before?: (root: string) => void;
}

/** b.demo, which a.demo has connected to and said its name. */
export class ReceiverBed implements AsyncDisposable {
  readonly root = Deno.makeTempDirSync({ prefix: "csync2-receive-" });
  readonly state = new MemoryStore();
  readonly reporter = new MemoryReporter();
  readonly locks = new PathLocks();
  readonly jail = openJail();
  readonly config: Config;
  readonly receiver: Receiver;
  readonly #contexts: Contexts;

  private constructor(
    { config, hosts = "a.demo b.demo c.demo", before, ...more }: ReceiverBedOptions,
  ) {
    before?.(this.root);
    const text = (config ?? `nossl * *; group g { host ${hosts}; key k; include ROOT; }`)
      .replaceAll("ROOT", this.root);
    this.config = configOf(text, { host: "b.demo" });
    const { config: parsed, state, jail, locks, reporter } = this;
    this.#contexts = new Contexts({
      reporter,
      open: () =>
        Promise.resolve({
          config: parsed,
          state,
          jail,
          locks,
          isCurrent: () => true,
          [Symbol.asyncDispose]: () => Promise.resolve(),
        }),
    });
    this.receiver = new Receiver({
      contexts: this.#contexts,
      reporter,
      address: "127.27.0.1",
      resolvesTo: () => Promise.resolve(true),
      ...more,
    });
  }

  static async open(options: ReceiverBedOptions = {}): Promise<ReceiverBed> {
    const bed = new ReceiverBed(options);
    await bed.receiver.configure("");
    await bed.receiver.identify("a.demo");
    return bed;
  }

  name(file: string): DbName {
    return (file.startsWith("%") ? file : `${this.root}/${file}`) as DbName;
  }

  at(file: string, key: string = KEY): Addressed {
    return { key, name: this.name(file) };
  }

  /** What is there now. */
  seen(file: string): Present {
    const entry = this.jail.look(locate(this.config, this.name(file))!);
    if (entry.kind === "absent") throw new Error(`Nothing is there: ${file}`);
    return entry;
  }

  /** Makes the record say what is there now, as a check does. */
  async check(...files: readonly string[]): Promise<void> {
    const records = files.map((file) => {
      const options = {
        name: this.name(file),
        time: this.state.timeUnit,
        ignored: this.config.ignored,
      };
      return checkStep(this.seen(file), undefined, options).record!;
    });
    await this.state.transaction((tx) => tx.putRecords(records));
  }

  async mark(file: string, peer: string): Promise<void> {
    const mark = {
      name: this.name(file),
      peer: peer as HostName,
      myName: "b.demo" as HostName,
      forced: false,
    };
    await this.state.transaction((tx) => tx.mark([mark]));
  }

  /** Exactly what is there, unless `here` or something else is given. */
  row(file: string, { key = KEY, ...more }: Partial<Offered> = {}): Offered {
    return { ...this.at(file, key), isCurrent: true, here: more.here ?? this.seen(file), ...more };
  }

  async offer(...rows: readonly Offered[]): Promise<readonly OfferAnswer[]> {
    return await this.receiver.bulk.offer(rows);
  }

  async marks(): Promise<string[]> {
    const pages = await Array.fromAsync(this.state.dirtyRows());
    return pages.flat().map(({ name, peer }) => `${peer} ${name.slice(this.root.length + 1)}`);
  }

  /** The text of a record, decoded. */
  async stored(file: string): Promise<string | undefined> {
    const record = await this.state.record(this.name(file));
    return record && percentDecode(record.stored);
  }

  texts(): string[] {
    return this.reporter.events.map(({ text }) => text.replaceAll(this.root, "ROOT"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.receiver[Symbol.asyncDispose]();
    await this.#contexts[Symbol.asyncDispose]();
    this.jail[Symbol.dispose]();
    await Deno.remove(this.root, { recursive: true });
  }
}
