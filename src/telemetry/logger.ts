import { type Logger, pino } from 'pino';

/** Where nothing secret or personal should ever be; if it is all the same, it is cut out here (I10). */
const NEVER = [
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
];

/**
 * JSON lines on stdout; `err` is reduced to its type, message and stack, since libraries hang requests on their errors.
 * `fields` are added to every line, unless it has them already.
 */
export function createLogger(level: string, fields: () => object = () => ({})): Logger {
  return pino({
    level,
    base: null,
    mixin: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: NEVER.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    serializers: {
      err: (thrown: unknown) =>
        thrown instanceof Error
          ? { type: thrown.name, message: thrown.message, stack: thrown.stack }
          : { type: typeof thrown, message: String(thrown) },
    },
  });
}
