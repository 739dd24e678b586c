import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { mongo } from 'mongoose';

const HEADER_BYTES = 16;
const OP_MSG = 2013;
/** Flags and the kind of the first section, which is the command. */
const BEFORE_COMMAND = HEADER_BYTES + 5;

/** Stands between a gateway and a server that speaks MongoDB's protocol, and counts what it is asked. */
export interface WireCounter {
  /** For MONGO_URL; without a database. */
  readonly url: string;
  /** Commands by name and collection since the last call, and the bytes of both directions. */
  take(): { readonly commands: ReadonlyMap<string, number>; readonly bytes: number };
  close(): Promise<void>;
}

export async function openWireCounter(target: URL): Promise<WireCounter> {
  let commands = new Map<string, number>();
  let bytes = 0;
  const sockets = new Set<Socket>();

  function count(message: Buffer): void {
    if (message.readInt32LE(12) !== OP_MSG) return;
    const command = mongo.BSON.deserialize(message.subarray(BEFORE_COMMAND), {
      allowObjectSmallerThanBufferSize: true,
    });
    const [name = 'unknown', collection] = Object.entries(command)[0] ?? [];
    const key = typeof collection === 'string' ? `${name} ${collection}` : name;
    commands.set(key, (commands.get(key) ?? 0) + 1);
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const read = openReader(count);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
    }
    client.on('data', read);
    client.pipe(upstream).pipe(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `mongodb://127.0.0.1:${port}`,
    take() {
      const taken = { commands, bytes };
      commands = new Map();
      bytes = 0;
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}

/** Hands over whole messages, however they come in pieces. */
function openReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      onMessage(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}
