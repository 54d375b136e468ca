/** A host for tests of the update run: its marks go to fake peers. */
import assert from "node:assert/strict";
import type { HostName } from "../../src/model/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { update, type UpdateOptions } from "../../src/update/mod.ts";
import { FakePeer, type FakePeerOptions } from "./fake_peer.ts";
import { Bed } from "./journey_bed.ts";
import type { TreeSpec } from "./tree.ts";

export const GROUP = "group g { host a.demo b.demo; key k; include @/a; }";
export const auto = (method: string) => GROUP.replace("include", `auto ${method}; include`);

/** A bed whose marks go to fake peers. */
export class UpdateBed extends Bed {
  readonly peers = new Map<string, FakePeer>();
  dialled: string[] = [];

  peer(options: FakePeerOptions = {}, name = "b.demo"): FakePeer {
    const peer = new FakePeer(options);
    this.peers.set(name, peer);
    return peer;
  }

  async update(options: Partial<UpdateOptions> = {}): Promise<void> {
    this.reporter = new MemoryReporter();
    const { config, state, jail, reporter } = this;
    const dial = (peer: HostName) => {
      this.dialled.push(peer);
      return Promise.resolve(this.peers.get(peer));
    };
    await update({ config, state, jail, reporter, dial, ...options });
    for (const peer of this.peers.values()) if (peer.log.length > 0) assert.ok(peer.isDisposed);
  }

  /** Log of the peer with short names. */
  log(name = "b.demo"): string[] {
    return this.peers.get(name)!.log.map((line) => line.replaceAll(`${this.tree.path}/`, ""));
  }
}

/** Everything checked and marked, a peer that has the top directory. */
export async function marked(
  text: string,
  spec: TreeSpec,
  options: FakePeerOptions = {},
): Promise<{ bed: UpdateBed; peer: FakePeer }> {
  const bed = new UpdateBed(text, spec);
  await bed.check();
  const peer = bed.peer(options);
  return { bed, peer };
}
