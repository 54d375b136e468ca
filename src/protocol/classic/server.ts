/** The command loop: phases, one request after the other (W 11). */
import type { RequestHandler } from "../request.ts";
import { COMMAND_LINE_MAX_BYTES, parseCommandLine } from "./codec.ts";
import { type Args, type Command, COMMANDS, type Session } from "./commands.ts";
import type { Nonces } from "../fast/negotiation.ts";
import { ClientFlavour, type TimeUnit } from "./flavour.ts";
import { pleaseIdentify, pleaseIdentifyOurs, REPLY } from "./replies.ts";
import type { Wire } from "./wire.ts";

/**
 * Which flavour a peer spoke last, by its announced name. Kept over connections it lets LIST answer a
 * 2.1.1 client in its unit, which comes without any hint (W 18.3).
 */
export type KnownFlavours = Map<string, TimeUnit>;

/** LIMIT: names remembered; anybody who resolves to his own address can announce a new one. */
const KNOWN_FLAVOURS_MAX = 4_096;

export interface LoopOptions {
  readonly handler: RequestHandler;
  readonly maxStreamBytes: number;
  readonly knownFlavours: KnownFlavours;
  /** Whether our own clients are offered the fast dialect. */
  readonly speaksFast: boolean;
}

/**
 * Answers commands until BYE, TYPE, or the end of the connection.
 * @returns the nonces when the client goes on in the fast dialect, directly behind our last line
 */
export async function runCommands(wire: Wire, options: LoopOptions): Promise<Nonces | undefined> {
  const session = new ClassicSession(wire, options);
  while (true) {
    const line = await wire.lineOrEnd(COMMAND_LINE_MAX_BYTES);
    if (line === undefined) return undefined;
    const parsed = parseCommandLine(line);
    if (parsed === undefined) continue; // COMPAT: a blank line has no answer (W 2.2)
    const answer = await session.answer(parsed.word, parsed.args);
    if (answer === "answered, end") return undefined;
    if (answer === "answered") continue;
    await wire.send(answer.reply);
    if (answer.end || answer.fast !== undefined) return answer.fast;
  }
}

class ClassicSession implements Session {
  readonly handler: RequestHandler;
  readonly maxStreamBytes: number;
  readonly speaksFast: boolean;
  readonly flavour = new ClientFlavour();
  readonly #known: KnownFlavours;
  #name: string | undefined;

  constructor(
    readonly wire: Wire,
    { handler, maxStreamBytes, knownFlavours, speaksFast }: LoopOptions,
  ) {
    this.handler = handler;
    this.speaksFast = speaksFast;
    this.maxStreamBytes = maxStreamBytes;
    this.#known = knownFlavours;
  }

  get unit(): TimeUnit {
    return this.flavour.shown ?? this.#known.get(this.#name ?? "") ?? "seconds";
  }

  readonly onIdentified = (name: string): void => {
    this.#name = name;
    this.#remember();
  };

  async answer(word: string, args: Args) {
    const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
    if (command === undefined) return { reply: REPLY.unknownCommand };
    this.#learn(command, args);
    if (command.from === "identified" && !this.handler.isIdentified) {
      const { address } = this.wire.duplex.peer ?? {};
      const isProbe = command.shows?.(args) === "ours";
      return { reply: isProbe ? pleaseIdentifyOurs(address) : pleaseIdentify(address) };
    }
    return await command.run(this, args);
  }

  /** Our own clients ask before HELLO, the others show their flavour by what they change (W 18.3). */
  #learn(command: Command, args: Args): void {
    const shown = command.shows?.(args);
    if (shown === undefined) return;
    if (!this.handler.isIdentified) {
      if (shown === "ours") this.flavour.isOurs();
    } else if (shown !== "ours") {
      this.flavour.shows(shown);
      this.#remember();
    }
  }

  /** Not of ours, which say it each time: a C program on the same host would be taken for one. */
  #remember(): void {
    const { shown, isOurClient } = this.flavour;
    if (isOurClient || shown === undefined || this.#name === undefined) return;
    if (this.#known.size < KNOWN_FLAVOURS_MAX || this.#known.has(this.#name)) {
      this.#known.set(this.#name, shown);
    }
  }
}
