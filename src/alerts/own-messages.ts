import type { AlertMessage, Severity } from './message.ts';

const SEE = '`npm run --silent cli -- alerts` lists what was sent and what was not; Alertmanager shows what fires';

/** Said once when a receiver's limit has ended. */
export function heldBackMessage(count: number, severity: Severity, now: number): AlertMessage {
  return {
    ...common('MessagesHeldBack', severity, now),
    summary: `${count} more ${count === 1 ? 'message was' : 'messages were'} held back`,
    impact: 'There may be trouble that you have not been told of.',
    firstStep: SEE,
  };
}

/** For a person who wants to see whether messages arrive. */
export function testMessage(severity: Severity, now: number): AlertMessage {
  return {
    ...common('RelayTest', severity, now),
    summary: 'this is a test, nothing is wrong',
    impact: 'None.',
    firstStep: 'Nothing to do: messages of this urgency arrive here.',
  };
}

function common(alert: string, severity: Severity, now: number) {
  return { alert, severity, status: 'firing', runbook: '', startsAt: now, endsAt: null } as const;
}
