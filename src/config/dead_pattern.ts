/** Patterns that can match no name: what in their text says so (D 7.1.13; pure). */
import { shellMatch } from "./shell_match.ts";

export interface DeadPatternOptions {
  /** Names of all prefixes of the configuration. */
  readonly prefixes: ReadonlySet<string>;
  /** Patterns of actions are matched with whole names only, and keep a slash at their end (D 5.7). */
  readonly ofAction: boolean;
}

const WILD = "*?[\\";

/**
 * Why the pattern never matches, or undefined when it could.
 *
 * @param text without the slashes at its end that do not count
 */
export function whyDead(text: string, options: DeadPatternOptions): string | undefined {
  // A bracket may hold anything; one character stands for what it takes.
  const plain = text.replace(/\[[!^]?\]?[^\]]*\]/g, "x");
  if (plain.startsWith("/")) return deadPath(plain, options);
  if (plain.startsWith("%")) return deadPrefix(plain, options) ?? deadPath(plain, options);
  if (options.ofAction) {
    return WILD.includes(text[0] ?? "*") || text.includes("**")
      ? undefined
      : "actions match whole names, which begin with / or %prefix%";
  }
  return plain.includes("/")
    ? "a pattern that does not begin with / or %prefix% is matched with the last part of a name, " +
      "which has no slash"
    : undefined;
}

function deadPath(plain: string, { ofAction }: DeadPatternOptions): string | undefined {
  if (plain.includes("//")) return "no name has two slashes in a row";
  const dots = /\/(\.\.?)(\/|$)/.exec(plain)?.[1];
  if (dots !== undefined) return `no name has "${dots}" as a part`;
  return ofAction && plain.length > 1 && plain.endsWith("/")
    ? "no name ends with a slash"
    : undefined;
}

function deadPrefix(plain: string, { prefixes }: DeadPatternOptions): string | undefined {
  const [, name, next = "/"] = /^%([^%]*)%([^])?/.exec(plain) ?? [];
  if (name === undefined) {
    return [...plain].some((c) => WILD.includes(c)) ? undefined : "a prefix ends with a second %";
  }
  if (![...prefixes].some((known) => shellMatch(name, known))) {
    return `there is no prefix "${name}"`;
  }
  return next === "/" || WILD.includes(next) ? undefined : "behind %prefix% comes a slash";
}

/**
 * The directory that every name which the pattern matches lies in, as far as the pattern tells it without
 * wildcards: `/a/b` for `/a/b/c*` and for `/a/b/c`. Undefined when there is none.
 */
export function literalDirectory(text: string): string | undefined {
  if (!text.startsWith("/") && !text.startsWith("%")) return undefined;
  const wild = [...text].findIndex((c) => WILD.includes(c));
  const literal = wild < 0 ? text : text.slice(0, wild);
  const slash = literal.lastIndexOf("/");
  return slash > 0 ? literal.slice(0, slash) : undefined;
}
