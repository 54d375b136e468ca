/** Connected pairs of Duplexes over everything that can carry one. */
import { Socket } from "node:net";
import {
  connect,
  type Duplex,
  duplexPair,
  listen,
  makeCertificate,
  upgrade,
} from "../../src/net/mod.ts";
import { LinkDuplex } from "../../src/net/link_duplex.ts";
import { SocketLink } from "../../src/net/socket_link.ts";

export interface Pair extends AsyncDisposable {
  /** The side that called. */
  client: Duplex;
  /** The side that was called. */
  server: Duplex;
}

export interface PairMaker {
  name: string;
  make(o: { idleMs: number }): Promise<Pair>;
}

const O_CLOEXEC = 0o2000000;
const HOST = "127.25.1.1";
const OWN = "127.25.1.9";

function pairOf(client: Duplex, server: Duplex): Pair {
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function tcpPair({ idleMs, bindAs }: { idleMs: number; bindAs?: string }): Promise<Pair> {
  using listener = await listen({ host: HOST, port: "0", idleMs });
  const port = String(listener.address.port);
  const own = bindAs === undefined ? {} : { bindAs };
  const [client, { value }] = await Promise.all([
    connect({ host: HOST, port, deadlineMs: 5_000, idleMs, ...own }),
    listener.accept().next(),
  ]);
  return pairOf(client, value);
}

/** Two pipes, as sshd gives them to `-i`. */
function pipePair({ idleMs }: { idleMs: number }): Pair {
  const there = pipe(), back = pipe();
  const over = (input: Socket, output: Socket) =>
    new LinkDuplex(new SocketLink(input, { output }), { idleMs });
  return pairOf(over(back.reader, there.writer), over(there.reader, back.writer));
}

/** Made by libc: a descriptor that the runtime opened itself cannot be adopted. */
function pipe(): { reader: Socket; writer: Socket } {
  const libc = Deno.dlopen("libc.so.6", {
    pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const fds = new Int32Array(2);
  const result = libc.symbols.pipe2(fds, O_CLOEXEC);
  libc.close();
  if (result !== 0) throw new Error("pipe2 failed");
  const [readFd = -1, writeFd = -1] = fds;
  return {
    reader: new Socket({ fd: readFd, readable: true, writable: false, allowHalfOpen: true }),
    writer: new Socket({ fd: writeFd, readable: false, writable: true, allowHalfOpen: true }),
  };
}

const CLIENT = await makeCertificate({ commonName: "client.test" });
const SERVER = await makeCertificate({ commonName: "server.test" });

/** The same pair, encrypted by both sides. */
async function tlsPair(plain: Pair): Promise<Pair> {
  const [client, server] = await Promise.all([
    upgrade(plain.client, { role: "client", ...CLIENT, deadlineMs: 10_000 }),
    upgrade(plain.server, { role: "server", ...SERVER, deadlineMs: 10_000 }),
  ]);
  return pairOf(client, server);
}

export const PAIR_MAKERS: PairMaker[] = [
  {
    name: "memory",
    make: ({ idleMs }) => Promise.resolve(pairOf(...duplexPair({ idleMs }))),
  },
  { name: "tcp", make: tcpPair },
  { name: "tcp from an own address", make: (o) => tcpPair({ ...o, bindAs: OWN }) },
  { name: "pipes", make: (o) => Promise.resolve(pipePair(o)) },
  { name: "TLS on tcp", make: async (o) => tlsPair(await tcpPair(o)) },
  {
    name: "TLS on tcp from an own address",
    make: async (o) => tlsPair(await tcpPair({ ...o, bindAs: OWN })),
  },
  { name: "TLS on memory", make: (o) => tlsPair(pairOf(...duplexPair(o))) },
  { name: "TLS on pipes", make: (o) => tlsPair(pipePair(o)) },
];
