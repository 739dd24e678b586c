import { createHmac } from 'node:crypto';

/** What the toy provider signs: the time in ms, what is said, and the body, each on its own line. */
export function toySign(secret: string, timeMs: number, said: string, body: string): string {
  return createHmac('sha256', secret).update(`${timeMs}\n${said}\n${body}`).digest('hex');
}
