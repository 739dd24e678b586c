import type { Server } from 'node:http';
import { Duplex } from 'node:stream';

interface ClientError extends Error {
  readonly code?: string;
  /** The bytes at which reading ended. */
  readonly rawPacket?: Buffer;
}

/** A connection below a request. */
type Connection = Duplex & {
  readonly remoteAddress?: string;
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
};

const STATUS_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', '413 Payload Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
]);

/**
 * Shops put Chinese into links as it is, and some programs send such a link without escaping it. Node's parser refuses those bytes, so
 * the same request is read again with them escaped. Everything else that is no HTTP is answered as Node does by itself.
 */
export function takeRawTargets(server: Server): void {
  server.on('clientError', (error: ClientError, socket: Connection) => {
    const request = error.code === 'HPE_INVALID_URL' ? escapedRequest(error.rawPacket, socket) : null;
    if (request === null) refuse(error, socket);
    else server.emit('connection', new Reread(request, socket));
  });
}

/** Only a GET that came whole, as the first thing on its connection: there is nothing before it and nothing behind. */
function escapedRequest(packet: Buffer | undefined, { bytesRead, bytesWritten }: Connection): Buffer | null {
  if (packet === undefined || packet.length !== bytesRead || bytesWritten !== 0) return null;
  const text = packet.toString('latin1');
  const [line = ''] = text.split('\r\n', 1);
  if (!/^GET \/[^ ]* HTTP\/1\.[01]$/.test(line) || text.indexOf('\r\n\r\n') !== text.length - 4) return null;
  const escaped = line.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  if (escaped === line) return null;
  return Buffer.from(`${escaped}\r\nConnection: close${text.slice(line.length)}`, 'latin1');
}

/** A connection on which one request has been put right; what is answered goes out on the real one. */
class Reread extends Duplex {
  readonly #socket: Connection;

  constructor(request: Buffer, socket: Connection) {
    super();
    this.#socket = socket;
    socket.once('close', () => this.destroy());
    this.push(request);
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  override _read(): void {}

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

function refuse({ code = '' }: ClientError, socket: Connection): void {
  const status = STATUS_BY_CODE.get(code) ?? '400 Bad Request';
  // Into an answer that is under way nothing may be written.
  if (socket.writable && socket.bytesWritten === 0) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  socket.destroy();
}
