import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;
/** SQLite's own choice, which we leave as it is. */
const PAGE_BYTES = 4_096;

/**
 * Counts the commits in a write-ahead log that SQLite would leave out without a word: it takes the log up to the first frame whose
 * checksum is wrong and believes that the rest was never finished. That is so for one commit at most, the one that a power cut
 * interrupts, since each is on the disk before the next begins. More of them were acknowledged, and the log has been damaged since.
 * 0 when there is no log. A commit whose own mark is damaged is not counted. Throws what the operating system says.
 * @see https://sqlite.org/fileformat2.html#the_write_ahead_log
 */
export function countCommitsCutOff(logPath: string): number {
  const log = openLog(logPath);
  if (log === null) return 0;
  try {
    const header = parseHeader(read(log, 0, HEADER_BYTES));
    return header === null ? countAll(log) : countBehindDamage(log, header);
  } finally {
    closeSync(log);
  }
}

interface LogHeader {
  readonly littleEndian: boolean;
  readonly frameBytes: number;
  readonly salt: Buffer;
  readonly sum: Sum;
}

/** Null when the header cannot be believed: SQLite drops the whole log then. */
function parseHeader(bytes: Buffer): LogHeader | null {
  const magic = bytes.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return null;
  const littleEndian = magic === MAGIC_LITTLE_ENDIAN;
  const sum = checksum(bytes.subarray(0, 24), [0, 0], littleEndian);
  if (!agrees(sum, bytes, 24)) return null;
  return { littleEndian, frameBytes: FRAME_HEADER_BYTES + bytes.readUInt32BE(8), salt: bytes.subarray(16, 24), sum };
}

function countBehindDamage(log: number, { littleEndian, frameBytes, salt, sum: first }: LogHeader): number {
  let sum = first;
  let intact = true;
  let cutOff = 0;
  for (const at of framesIn(log, frameBytes)) {
    const frame = read(log, at, intact ? frameBytes : FRAME_HEADER_BYTES);
    // A log is written over from its start once it is copied into the database; what is left of before has another salt.
    const isOfNow = frame.subarray(8, 16).equals(salt);
    if (intact) {
      sum = checksum(frame.subarray(0, 8), sum, littleEndian);
      sum = checksum(frame.subarray(FRAME_HEADER_BYTES), sum, littleEndian);
      intact = isOfNow && agrees(sum, frame, 16);
    }
    if (!intact && isOfNow && isCommit(frame)) cutOff += 1;
  }
  return cutOff;
}

/** Without a header nobody knows which salt is that of now: the one with the most commits stands in for it. */
function countAll(log: number): number {
  const commits = new Map<string, number>();
  for (const at of framesIn(log, FRAME_HEADER_BYTES + PAGE_BYTES)) {
    const frame = read(log, at, FRAME_HEADER_BYTES);
    const salt = frame.toString('hex', 8, 16);
    if (isCommit(frame)) commits.set(salt, (commits.get(salt) ?? 0) + 1);
  }
  return Math.max(0, ...commits.values());
}

function* framesIn(log: number, frameBytes: number): Generator<number> {
  const { size } = fstatSync(log);
  for (let at = HEADER_BYTES; at + frameBytes <= size; at += frameBytes) yield at;
}

/** The last frame of a commit says how many pages the database has after it. */
function isCommit(frame: Buffer): boolean {
  return frame.readUInt32BE(4) !== 0;
}

type Sum = readonly [number, number];

function checksum(bytes: Buffer, [first, second]: Sum, littleEndian: boolean): Sum {
  let [a, b] = [first, second];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    a = (a + (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)) + b) >>> 0;
    b = (b + (littleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4)) + a) >>> 0;
  }
  return [a, b];
}

function agrees([a, b]: Sum, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32BE(at) === a && bytes.readUInt32BE(at + 4) === b;
}

function openLog(path: string): number | null {
  try {
    const log = openSync(path, 'r');
    if (fstatSync(log).size > HEADER_BYTES) return log;
    closeSync(log);
    return null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function read(log: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const got = readSync(log, bytes, done, length - done, at + done);
    if (got === 0)
      throw new Error('store: a log became shorter while it was read; let nothing else use the data directory');
    done += got;
  }
  return bytes;
}
