/** Which addresses are those of this machine: asked of the system, not of a table. */
import { isLoopback, isUnspecified, normalAddress } from "./address.ts";
import { netError } from "./error.ts";

export interface OwnAddressOptions {
  /** Takes the address for a moment, on any free port. @throws the system's error */
  bind?: (address: string) => void;
  /** Addresses of the interfaces. @throws where the system does not tell them */
  interfaceAddresses?: () => readonly string[];
}

/**
 * A test for numeric addresses: whether a socket of this machine can be bound to it.
 *
 * Addresses of the loopback count, as those of a host's own name in /etc/hosts often are. The wildcard
 * addresses count for nobody. With `net.ipv4.ip_nonlocal_bind` everything can be bound; so can
 * broadcast and multicast addresses: an address must also be one of an interface, where the system
 * tells them.
 *
 * @throws NetError of the test, when the system is out of sockets
 */
export function ownAddressTest(
  { bind = bindOnce, interfaceAddresses = addressesOfInterfaces }: OwnAddressOptions = {},
): (address: string) => boolean {
  let known: ReadonlySet<string> | undefined;
  let isAsked = false;
  const isOfInterface = (address: string) => {
    if (!isAsked) known = asSet(interfaceAddresses);
    isAsked = true;
    return known === undefined || known.has(normalAddress(address));
  };
  return (address) =>
    !isUnspecified(address) && (isLoopback(address) || isOfInterface(address)) &&
    canBind(address, bind);
}

function asSet(addresses: () => readonly string[]): ReadonlySet<string> | undefined {
  try {
    return new Set(addresses().map(normalAddress));
  } catch {
    return undefined; // a confined process may not be told: then binding alone decides
  }
}

function addressesOfInterfaces(): string[] {
  return Deno.networkInterfaces().map(({ address }) => address);
}

/** Port 0 is a free one: no server is disturbed. */
function bindOnce(address: string): void {
  Deno.listen({ hostname: address, port: 0 }).close();
}

/** What the system says of addresses that are not ours, or of a family that it does not have. */
const NOT_OURS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"]);

function canBind(address: string, bind: (address: string) => void): boolean {
  try {
    bind(address);
    return true;
  } catch (error) {
    if (NOT_OURS.has((error as { code?: string }).code ?? "")) return false;
    throw netError(`Cannot test whether ${address} is an address of this machine`, error);
  }
}
