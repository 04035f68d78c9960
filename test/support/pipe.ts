import { connect, createServer, type Socket } from "node:net";

/** A TCP pipe before a server that can be closed, go silent without closing, or become slow: what no mock does. */
export interface Pipe extends AsyncDisposable {
  /** Connect here instead of to the server. */
  readonly port: number;
  /** Nobody listens any more: new connections are refused, those there are cut. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Connections are taken and kept, and nothing goes through in either direction: a black hole. */
  swallow(): void;
  /** What is sent to the server is kept, and its answers go through. */
  hold(): void;
  /** What was kept arrives, however late, and all goes through again. */
  release(): void;
  /** So many bytes a second go through, in each direction of each connection. */
  throttle(bytes_per_second: number): void;
  /** Things go through again; connections that lost something in the hole are cut. */
  flow(): void;
}

/** A pipe to a port of this machine, or to the path of a Unix socket, asked for with each connection; it starts open. */
export async function startPipe(server: number | string | (() => number | string)): Promise<Pipe> {
  const sockets = new Set<Socket>();
  let is_hole = false;
  let held: (() => void)[] | null = null;
  let bytes_per_second: number | null = null;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined); // a cut pipe is what these tests are about
    socket.on("close", () => sockets.delete(socket));
  };
  const listener = createServer((near) => {
    const target = typeof server === "function" ? server() : server;
    const far = typeof target === "string" ? connect(target) : connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      keep(from);
      const trickle = dropByDrop(to, () => bytes_per_second ?? Number.POSITIVE_INFINITY);
      from.on("data", (bytes) => {
        if (held !== null && from === near) held.push(() => to.write(bytes));
        else if (bytes_per_second !== null) trickle(bytes);
        else if (!is_hole) to.write(bytes);
      });
      from.on("close", () => to.destroy());
    }
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const listen = async (port: number): Promise<number> => {
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  };
  const refuse = async (): Promise<void> => {
    cut();
    if (listener.listening) await new Promise((resolve) => listener.close(resolve));
  };
  const port = await listen(0);
  return {
    port,
    refuse,
    accept: async () => void (await listen(port)),
    swallow: () => void (is_hole = true),
    hold: () => void (held = []),
    release: () => {
      const late = held ?? [];
      held = null;
      for (const send of late) send();
    },
    throttle: (to) => void (bytes_per_second = to),
    flow: () => {
      is_hole = false;
      bytes_per_second = null;
      cut();
    },
    [Symbol.asyncDispose]: refuse,
  };
}

const TICK_MS = 100;

/** Writes to a socket as slowly as is said, until it is closed. */
function dropByDrop(to: Socket, bytesPerSecond: () => number): (bytes: Buffer) => void {
  let waiting = Buffer.alloc(0);
  const timer = setInterval(() => {
    if (waiting.length === 0) return;
    const count = Math.ceil((bytesPerSecond() * TICK_MS) / 1000);
    to.write(waiting.subarray(0, count));
    waiting = waiting.subarray(count);
  }, TICK_MS).unref();
  to.on("close", () => clearInterval(timer));
  return (bytes) => void (waiting = Buffer.concat([waiting, bytes]));
}
