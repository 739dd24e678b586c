import { writeSync } from 'node:fs';

/** What a shell says of a program whose reader has left (SIGPIPE). */
const READER_LEFT = 128 + 13;

/**
 * Has a command whose output cannot be written end in plain words instead of a stack trace: quietly when its reader has left (`| head`), else
 * with the reason. What serves goes on instead: payments must not end because nobody reads the greeting.
 */
export function guardOutput({ serves }: { readonly serves: () => boolean }): void {
  process.stdout.on('error', (fault: NodeJS.ErrnoException) => {
    if (!serves()) endUnwritten(fault);
  });
  process.stderr.on('error', () => {}); // Nobody is left who could be told.
}

/** Writes before it returns, for what ends the process right afterwards. */
export function writeNow(text: string): void {
  try {
    writeSync(1, text);
  } catch (thrown) {
    endUnwritten(thrown as NodeJS.ErrnoException);
  }
}

function endUnwritten({ code, message }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit(READER_LEFT);
  process.stderr.write(
    `The output could not be written: ${message}. If the command changes something, that is done.\n`,
  );
  process.exit(1);
}

/** What others have written must not steer the terminal of who reads it, nor the direction in which it is read. */
export function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]|\p{Bidi_Control}/gu, '?');
}

/** The same for JSON, which keeps what it hides: escaped. */
export function harmlessJson(value: unknown): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replaceAll(/[\x7f-\x9f]|\p{Bidi_Control}/gu, escaped);
}
