import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/** Where nothing secret or personal should ever be; if it is all the same, it is cut out here (I10). */
const NEVER: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'signature',
  'sign',
  'private_key',
  'secret',
  'password',
  'token',
  'email',
  'ip',
  'phone',
  'body',
  'headers',
  'config',
]);

const CENSOR = '[redacted]';

/**
 * JSON lines on stdout; `err` is reduced to its type, message and stack, since libraries hang requests on their errors.
 * `fields` are added to every line, unless it has them already.
 */
export function createLogger(level: string, fields: () => object = () => ({})): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    mixin: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    // Not pino's own `redact`, which copies every line before it looks: three times the time of the rest of a line.
    formatters: { level: (label) => ({ level: label }), log: (line) => censored(line, inner) },
    serializers: {
      err: (thrown: unknown) =>
        thrown instanceof Error
          ? { type: thrown.name, message: thrown.message, stack: thrown.stack }
          : { type: typeof thrown, message: String(thrown) },
    },
  };
  stdout ??= linesByTurn();
  return pino(options, stdout);
}

/** So much waits at most; more is written at once. */
const WAITING_CHARS_MAX = 15 * 1024;

/** So much is kept while the log cannot be written, the oldest of it. */
const UNWRITTEN_CHARS_MAX = 1024 * 1024;

let stdout: DestinationStream | undefined;

/**
 * Standard output, written to once per turn of the event loop instead of once per line: a request has several lines, and many
 * requests share a turn. Whatever ends the process but a kill writes what waits.
 */
function linesByTurn(): DestinationStream {
  // Gathered here and not by the destination, whose `flushSync` ends with an fsync: with the log in a file every turn waited for it.
  const destination = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_CHARS_MAX });
  survive(destination);
  let waiting = '';
  const flush = (): void => {
    const lines = waiting;
    waiting = '';
    if (lines !== '') destination.write(lines);
  };
  process.on('exit', flush);
  return {
    write(line) {
      if (waiting === '') setImmediate(flush);
      waiting += line;
      if (waiting.length > WAITING_CHARS_MAX) flush();
    },
  };
}

/** A log that cannot be written (its disk is full) is no reason to stop taking payments; what waits is written when that is over. */
function survive(destination: ReturnType<typeof pino.destination>): void {
  let failing = false;
  let lost = false;
  destination.on('error', (fault) => {
    if (!failing)
      process.stderr.write(`The log cannot be written: ${fault.message}. The gateway goes on without it.\n`);
    failing = true;
  });
  destination.on('drop', () => {
    lost = true;
    // What it drops it does not try to write, so that once full it would stay so for ever.
    destination.write('');
  });
  destination.on('write', () => {
    if (lost) process.stderr.write('The log is written again; some of what was said meanwhile is missing.\n');
    failing = false;
    lost = false;
  });
}

/** One level down. An error is left to its serializer, which keeps none of its fields. */
function inner(value: unknown): unknown {
  const hasFields = typeof value === 'object' && value !== null && !(value instanceof Error);
  return hasFields ? censored(value as Fields, (each) => each) : value;
}

type Fields = Record<string, unknown>;

/** The same fields when there is nothing to cut out, which is nearly always so. */
function censored(fields: Fields, look: (value: unknown) => unknown): Fields {
  let cut: Fields | null = null;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const kept = NEVER.has(name) ? CENSOR : look(value);
    if (kept === value) continue;
    cut ??= { ...fields };
    cut[name] = kept;
  }
  return cut ?? fields;
}
