/** Every answer says in it how much of its request's time went where, as a program that loaded `bench/request-clock.ts` saw it. */
export const REQUEST_PARTS_HEADER = 'x-bench-request-parts';

/** Of one request, in milliseconds, from when its head was parsed until its answer's head was written. */
export interface RequestParts {
  readonly withinMs: number;
  /** From when a call to the channel was handed to undici until its answer had been read. */
  readonly channelMs: number;
  /** How long the program's thread was ready to run meanwhile and had no core. */
  readonly coreMs: number;
  /** How long it was in SQLite meanwhile, for whichever request; the wait for the disk is in it. */
  readonly sqliteMs: number;
}

export function writeParts({ withinMs, channelMs, coreMs, sqliteMs }: RequestParts): string {
  return [withinMs, channelMs, coreMs, sqliteMs].map((ms) => ms.toFixed(3)).join(' ');
}

export function readParts(header: string | string[] | undefined): RequestParts {
  const [withinMs = 0, channelMs = 0, coreMs = 0, sqliteMs = 0] = String(header).split(' ').map(Number);
  return { withinMs, channelMs, coreMs, sqliteMs };
}
