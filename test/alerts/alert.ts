import type { Alert } from '../../src/alerts/index.ts';

export const NOON = Date.UTC(2026, 10, 27, 12);

/** A page about a channel. */
export function anAlert(set: Partial<Alert> = {}): Alert {
  return {
    fingerprint: 'a1b2c3d4e5f60718',
    alert: 'ChannelDown',
    severity: 'page',
    status: 'firing',
    summary: 'alipay-main takes no payments: its breaker has been open for a minute',
    impact: 'New payments go to the other channels of its methods.',
    firstStep: '`npm run --silent cli -- channels`: is another channel closed and weighted?',
    runbook: 'https://ops.example/runbooks/ChannelDown.md',
    startsAt: NOON,
    endsAt: null,
    ...set,
  };
}
