import { err, ok, type Result } from '../payment/index.ts';
import { type AlertChannel, pausedOr, type SendFailure } from './channel.ts';
import type { Journal, Outcome, SentEntry } from './journal.ts';
import type { Alert, AlertMessage, Severity } from './message.ts';
import { heldBackMessage, testMessage } from './own-messages.ts';
import { EMPTY_WINDOW, type Window, waitMs, withSent } from './rate.ts';
import type { Receiver, ReceiverKind, RelaySettings } from './settings.ts';
import { isKnown } from './told.ts';

const SEND_TIMEOUT_MS = 5_000;
const BACK_OFF_MS: readonly number[] = [500, 2_000];
/** The log costs nobody any sleep. */
const LOG_PER_HOUR = 600;

type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

export interface CourierPorts {
  /** Asked for every message, so that a changed configuration counts at once. */
  readonly settings: () => RelaySettings;
  readonly channelOf: (receiver: Exclude<Receiver, { kind: 'log' }>) => AlertChannel;
  readonly journal: Journal;
  readonly now: () => number;
  readonly onOutcome: (kind: ReceiverKind, outcome: Outcome) => void;
  readonly log: Readonly<Record<'info' | 'warn' | 'error', Log>>;
  /** Before each further try. */
  readonly backOffMs?: readonly number[];
  /** For one try. */
  readonly sendTimeoutMs?: number;
}

/** What came of one message to one receiver. */
export type Delivery = Pick<SentEntry, 'kind' | 'receiver' | 'outcome' | 'errorCode'>;

export type Courier = ReturnType<typeof createCourier>;

/** Brings single messages to single receivers; whoever calls sees to it that one receiver gets one at a time. */
export function createCourier(ports: CourierPorts) {
  const { journal, now, log } = ports;
  const windowOf = (receiver: Receiver, severity: Severity): Window =>
    journal.windows().get(windowKey(receiver, severity)) ?? EMPTY_WINDOW;
  const perHour = ({ kind }: Receiver): number => (kind === 'log' ? LOG_PER_HOUR : ports.settings().perHour);

  /** Milliseconds until this receiver may get a message of this urgency. */
  const roomInMs = (receiver: Receiver, severity: Severity): number =>
    waitMs(windowOf(receiver, severity), { now: now(), perHour: perHour(receiver) });
  const heldOf = (receiver: Receiver, severity: Severity): number => windowOf(receiver, severity).held;

  function changeHeld(receiver: Receiver, severity: Severity, by: number): void {
    const window = windowOf(receiver, severity);
    journal.setWindow(windowKey(receiver, severity), { ...window, held: Math.max(0, window.held + by) });
  }

  function note(
    receiver: Receiver,
    message: AlertMessage,
    outcome: Outcome,
    errorCode: string | null = null,
  ): Delivery {
    const { kind, name } = receiver;
    const delivery = { kind, receiver: name, outcome, errorCode };
    ports.onOutcome(kind, outcome);
    if (outcome === 'deduplicated') return delivery;
    const { alert, severity, status, summary, impact, firstStep, runbook } = message;
    const entry = { ...delivery, alert, severity, status };
    journal.addSent({ at: now(), ...entry });
    const isUrgent = kind === 'log' && severity === 'page' && status === 'firing';
    const level = outcome === 'failed' ? 'error' : outcome === 'rate_limited' || isUrgent ? 'warn' : 'info';
    log[level]({ ...entry, summary, ...(kind === 'log' ? { impact, firstStep, runbook } : {}) }, 'alert');
    return delivery;
  }

  /** However often it has to be tried; counted when it was taken. */
  async function send(receiver: Receiver, message: AlertMessage, signal: AbortSignal): Promise<Delivery> {
    const sent = receiver.kind === 'log' ? ok(undefined) : await tried(ports.channelOf(receiver), message, signal);
    if (!sent.ok) return note(receiver, message, 'failed', sent.error.code);
    const window = withSent(windowOf(receiver, message.severity), { now: now(), perHour: perHour(receiver) });
    journal.setWindow(windowKey(receiver, message.severity), window);
    return note(receiver, message, 'sent');
  }

  async function tried(
    channel: AlertChannel,
    message: AlertMessage,
    signal: AbortSignal,
  ): Promise<Result<void, SendFailure>> {
    const pausesMs = ports.backOffMs ?? BACK_OFF_MS;
    for (let tries = 0; ; tries += 1) {
      const limit = AbortSignal.timeout(ports.sendTimeoutMs ?? SEND_TIMEOUT_MS);
      const sent = await channel.send(message, AbortSignal.any([signal, limit]));
      const pauseMs = pausesMs[tries];
      if (sent.ok || !sent.error.mayPass || pauseMs === undefined) return sent;
      const aborted = await pausedOr(pauseMs, signal);
      if (aborted) return err(aborted);
    }
  }

  /** What an alert has become, unless this receiver knows it or has had too many messages. */
  async function tell(receiver: Receiver, alert: Alert, signal: AbortSignal): Promise<Delivery> {
    const { fingerprint, status, startsAt, severity } = alert;
    const id = idOf(receiver);
    const { repeatAfterMs } = ports.settings();
    const last = journal.told(id, fingerprint);
    if (isKnown(last, alert, { now: now(), repeatAfterMs })) return note(receiver, alert, 'deduplicated');
    await summarise(receiver, severity, signal);
    if (roomInMs(receiver, severity) > 0) {
      return heldBack(receiver, alert);
    }
    const delivery = await send(receiver, alert, signal);
    if (delivery.outcome === 'sent') journal.setTold({ receiver: id, fingerprint, status, startsAt, at: now() });
    return delivery;
  }

  /** Counted once, however often Alertmanager brings it while there is no room. */
  function heldBack(receiver: Receiver, alert: Alert): Delivery {
    const { fingerprint, status, startsAt, severity } = alert;
    const id = `${idOf(receiver)} held back`;
    const last = journal.told(id, fingerprint);
    const isSame = last?.status === status && last.startsAt === startsAt;
    if (isSame && Math.abs(now() - last.at) < ports.settings().repeatAfterMs) {
      return note(receiver, alert, 'deduplicated');
    }
    changeHeld(receiver, severity, 1);
    journal.setTold({ receiver: id, fingerprint, status, startsAt, at: now() });
    return note(receiver, alert, 'rate_limited');
  }

  /** Once there is room again: how many messages this receiver did not get. */
  async function summarise(receiver: Receiver, severity: Severity, signal: AbortSignal): Promise<void> {
    const held = heldOf(receiver, severity);
    if (held === 0 || roomInMs(receiver, severity) > 0) return;
    const { outcome } = await send(receiver, heldBackMessage(held, severity, now()), signal);
    if (outcome === 'sent') changeHeld(receiver, severity, -held);
  }

  async function test(receiver: Receiver, severity: Severity, signal: AbortSignal): Promise<Delivery> {
    const message = testMessage(severity, now());
    return roomInMs(receiver, severity) > 0 ? note(receiver, message, 'rate_limited') : send(receiver, message, signal);
  }

  return { tell, summarise, test, note, roomInMs, heldOf };
}

/** Names a receiver in what is written down. */
export function idOf({ kind, name }: Receiver): string {
  return `${kind}:${name}`;
}

/** Tickets must not use up the room of pages. */
function windowKey(receiver: Receiver, severity: Severity): string {
  return `${idOf(receiver)}:${severity}`;
}
