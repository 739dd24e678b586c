import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can cut what goes through it, hold it up, lose the answers, or swallow everything without a word. */
export interface BreakableProxy {
  readonly port: number;
  cut(): void;
  /** From now on nothing passes and nothing is told, on old connections and new ones. */
  swallow(): void;
  /** Requests arrive, and what is said to them is lost: who asked cannot know whether it was done. */
  loseAnswers(): void;
  /** What is sent waits, and arrives after `pass`. */
  stall(): void;
  pass(): void;
  /** How many connections were made in all. */
  connections(): number;
  stop(): Promise<void>;
}

type Mode = 'pass' | 'swallow' | 'lose-answers' | 'stall';

/** `target` is asked for each connection; null refuses it. */
export async function startProxy(target: number | (() => number | null)): Promise<BreakableProxy> {
  const sockets = new Set<Socket>();
  let mode: Mode = 'pass';
  let made = 0;
  const drops = (towards: 'there' | 'back'): boolean =>
    mode === 'swallow' || (mode === 'lose-answers' && towards === 'back');
  const server = createServer((near) => {
    const port = typeof target === 'number' ? target : target();
    if (port === null) {
      near.on('error', () => {}).destroy();
      return;
    }
    made += 1;
    const far = connect(port, '127.0.0.1');
    for (const [from, to, towards] of [
      [near, far, 'there'],
      [far, near, 'back'],
    ] as const) {
      sockets.add(from);
      if (mode === 'stall') from.pause();
      from.on('data', (bytes) => {
        if (!drops(towards)) to.write(bytes);
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
  const set = (next: Mode): void => {
    mode = next;
    for (const socket of sockets) {
      if (next === 'stall') socket.pause();
      else socket.resume();
    }
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    swallow: () => set('swallow'),
    loseAnswers: () => set('lose-answers'),
    stall: () => set('stall'),
    pass: () => set('pass'),
    connections: () => made,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
