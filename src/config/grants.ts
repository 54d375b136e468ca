/** Who may do what with a name, by which key, and who has to be told (W 6, D 3.5, D 4.5). */
import type { DbName, HostName, Key } from "../model/mod.ts";
import { type CompareOptions, groupMatches, matchingGroups } from "./classify.ts";
import type { Config, Group, PeerHost } from "./config.ts";
import { shellMatch } from "./shell_match.ts";

/** A host to be told, and the name by which it knows us. */
export interface Pair {
  readonly myName: HostName;
  readonly peer: HostName;
}

function peerOf({ peers }: Group, name: string): PeerHost | undefined {
  for (let n = 0; n < peers.length; n++) if (peers[n]!.name === name) return peers[n];
  return undefined;
}

function hasPeer(group: Group, peer: string): boolean {
  return peerOf(group, peer) !== undefined;
}

/**
 * The peers of a name: groups from the last declared to the first, their hosts in order of declaration;
 * a peer found twice keeps the own name of the first find (D 3.5).
 *
 * @param options `onlyGroupsWith`: only groups that this peer is in; all their hosts count
 */
export function peersOf(
  config: Config,
  name: DbName,
  { onlyGroupsWith }: { readonly onlyGroupsWith?: HostName | undefined } = {},
): Pair[] {
  const found: Pair[] = [];
  for (const group of matchingGroups(config, name)) {
    if (onlyGroupsWith !== undefined && !hasPeer(group, onlyGroupsWith)) continue;
    for (const { name: peer } of group.peers) {
      if (!found.some((pair) => pair.peer === peer)) found.push({ myName: group.myName, peer });
    }
  }
  return found;
}

/** The key to use with a peer: that of the last declared group with the name and the peer (W 6.3). */
export function keyFor(
  config: Config,
  name: DbName,
  peer: HostName,
  options: CompareOptions = {},
): Key | undefined {
  // PERF: asked for every row of a push; who is a member is cheaper to tell than what matches.
  for (let n = config.groups.length - 1; n >= 0; n--) {
    const group = config.groups[n]!;
    if (hasPeer(group, peer) && groupMatches(group, name, options)) return group.key;
  }
  return undefined;
}

export interface GrantQuestion extends CompareOptions {
  readonly name: DbName;
  /** As received. */
  readonly key: string;
  /** Identity as announced: compared byte for byte (W 6.1). */
  readonly peer: string;
}

/** What a peer may do with a name (W 6.4): `slave` means that its changes are refused. */
export function grant(config: Config, question: GrantQuestion): "allow" | "slave" | "denied" {
  const { groups } = config;
  let answer: "slave" | "denied" = "denied";
  for (let n = groups.length - 1; n >= 0; n--) {
    const group = groups[n]!;
    if (!groupMatches(group, question.name, question)) continue;
    const peer = peerOf(group, question.peer);
    if (peer === undefined || !isSameKey(group.key, question.key)) continue;
    if (!peer.isSlave) return "allow";
    answer = "slave";
  }
  return answer;
}

/** Compares without telling by its time how much of the key was right. */
function isSameKey(key: Key, received: string): boolean {
  let difference = key.length ^ received.length;
  for (let at = 0; at < key.length; at++) {
    difference |= key.charCodeAt(at) ^ received.charCodeAt(at);
  }
  return difference === 0;
}

/**
 * All pairs of own name and peer, in the order of `-T`. Groups are read from the last declared to the
 * first, and each name that is new goes in front of those before it; so it was observed (D 4.5).
 */
export function pairs(config: Config): Pair[] {
  const byOwnName = new Map<HostName, Set<HostName>>();
  for (const { myName, peers } of config.groups.toReversed()) {
    const known = byOwnName.get(myName) ?? new Set();
    byOwnName.set(myName, known);
    for (const { name } of peers) known.add(name);
  }
  return [...byOwnName].reverse().flatMap(([myName, peers]) =>
    [...peers].reverse().map((peer) => ({ myName, peer }))
  );
}

/** The keys of all groups with this pair, last declared first, each once (W 17.1). */
export function pairKeys(config: Config, myName: string, peer: string): Key[] {
  const keys = config.groups.toReversed()
    .filter((group) => group.myName === myName && hasPeer(group, peer))
    .map(({ key }) => key);
  return [...new Set(keys)];
}

/** The keys of all groups with this peer, last declared first, each once. */
export function keysWith(config: Config, peer: string): Key[] {
  return [
    ...new Set(
      config.groups.toReversed().filter((group) => hasPeer(group, peer)).map(({ key }) => key),
    ),
  ];
}

/** Whether a group with this own name and this peer includes the name. */
export function inPair(config: Config, name: DbName, myName: string, peer: string): boolean {
  return config.groups.some((group) =>
    group.myName === myName && hasPeer(group, peer) && groupMatches(group, name)
  );
}

/** Whether a `nossl` line lets the connection of these two be plain text (D 1.10). */
export function isNosslPair(config: Config, from: string, to: string): boolean {
  return config.nossl.some((line) => shellMatch(line.from, from) && shellMatch(line.to, to));
}
