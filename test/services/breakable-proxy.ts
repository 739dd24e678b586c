import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can cut what goes through it, or swallow it without a word. */
export interface BreakableProxy {
  readonly port: number;
  cut(): void;
  /** From now on nothing passes and nothing is told, on old connections and new ones. */
  swallow(): void;
  pass(): void;
  /** How many connections were made in all. */
  connections(): number;
  stop(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<BreakableProxy> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  let made = 0;
  const server = createServer((near) => {
    made += 1;
    const far = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!swallowing) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    swallow: () => {
      swallowing = true;
    },
    pass: () => {
      swallowing = false;
    },
    connections: () => made,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
