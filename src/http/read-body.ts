import type { IncomingMessage } from 'node:http';
import { err, ok, type Result } from '../payment/index.ts';

/** `api.md`: no request that we take is longer. */
export const BODY_BYTES_MAX = 64 * 1024;

/**
 * How much of a refused body is read and thrown away. A client that is still sending when the answer comes would otherwise see
 * a reset connection instead of the answer. Beyond this the connection is cut.
 */
const DRAIN_BYTES_MAX = 16 * 1024 * 1024;

type BodyFault = 'too_large' | 'aborted';

/** Reads at most `bytesMax` bytes exactly as they came; keeps nothing of a longer body. */
export function readBody(request: IncomingMessage, bytesMax = BODY_BYTES_MAX): Promise<Result<Buffer, BodyFault>> {
  // By events: an async iterator costs more than all that is done with a short body.
  return new Promise((resolve) => {
    if (request.destroyed) return resolve(err('aborted'));
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (size <= DRAIN_BYTES_MAX) return;
      resolve(err('too_large'));
      request.destroy();
    });
    request.once('end', () => resolve(size > bytesMax ? err('too_large') : ok(Buffer.concat(chunks))));
    request.once('error', () => resolve(err('aborted')));
    request.once('close', () => resolve(err('aborted')));
  });
}
