import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 8_192;

/** Cryptographic random bytes, drawn from the system many at a time: a draw of twelve costs as much as one of thousands. */
export function randomPool(): (size: number) => Uint8Array {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  return (size) => {
    if (size > POOL_BYTES) return randomFillSync(Buffer.alloc(size));
    if (used + size > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = new Uint8Array(pool.subarray(used, used + size));
    // What was handed out is nobody else's, and not to be found here any more.
    pool.fill(0, used, used + size);
    used += size;
    return bytes;
  };
}
