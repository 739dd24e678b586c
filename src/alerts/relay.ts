import { err, ok, type Result } from '../payment/index.ts';
import { type CourierPorts, createCourier, type Delivery, idOf } from './courier.ts';
import type { SentEntry } from './journal.ts';
import { createLanes } from './lanes.ts';
import type { Alert, Severity } from './message.ts';
import { testMessage } from './own-messages.ts';
import type { Receiver } from './settings.ts';

/** For all of one order: Alertmanager waits at least ten seconds, and a minute for pages as configured. */
const ORDER_TIMEOUT_MS = 25_000;
/** Alerts that wait for one receiver; more are for Alertmanager to bring again. */
const WAITING_MAX = 1_000;
/** A summary that could not be sent is tried again after this. */
const SUMMARY_AGAIN_MS = 60_000;

/** Where an alert goes that no receiver wants: nothing that Alertmanager says is lost without a word. */
const LOG: Receiver = { kind: 'log', name: 'log', severities: ['page', 'ticket'] };

export interface AlertRelay {
  /** Tells every receiver that wants them. Ok when each has taken all, or it is written down that it need not or may not. */
  relay(alerts: readonly Alert[]): Promise<Result<void, 'not_told'>>;
  /** Sends one test message to each receiver of pages or of tickets; empty when there is none. */
  test(severity: Severity): Promise<readonly Delivery[]>;
  /** Somebody sent what nobody can read, so nobody is told. @param reason  without any of its content */
  refuse(reason: string): void;
  /** The last 200, newest first. */
  sent(): readonly SentEntry[];
  /** Takes nothing more, gives up what is being sent, writes down what is known. */
  stop(): Promise<void>;
}

/** Alertmanager's messages on their way to people: each state once, not too many in an hour, tried again when it fails. */
export function createAlertRelay(ports: CourierPorts): AlertRelay {
  const { journal } = ports;
  const courier = createCourier(ports);
  const lanes = createLanes(WAITING_MAX);
  const stopping = new AbortController();
  let summaryTimer: NodeJS.Timeout | null = null;

  const orderSignal = (): AbortSignal => AbortSignal.any([stopping.signal, AbortSignal.timeout(ORDER_TIMEOUT_MS)]);
  const wanting = (severity: Severity): readonly Receiver[] =>
    ports.settings().receivers.filter(({ severities }) => severities.includes(severity));

  /** All alerts for one receiver, in order. */
  async function tellAll(
    receiver: Receiver,
    alerts: readonly Alert[],
    signal: AbortSignal,
  ): Promise<readonly Delivery[]> {
    const deliveries = await lanes.run(idOf(receiver), alerts.length, async () => {
      const told: Delivery[] = [];
      for (const alert of alerts) told.push(await courier.tell(receiver, alert, signal));
      return told;
    });
    return deliveries ?? alerts.map((alert) => courier.note(receiver, alert, 'failed', 'queue_full'));
  }

  async function relay(alerts: readonly Alert[]): Promise<Result<void, 'not_told'>> {
    if (stopping.signal.aborted) return err('not_told');
    const signal = orderSignal();
    const wanted = alerts.flatMap((alert) => {
      const receivers = wanting(alert.severity);
      return (receivers.length > 0 ? receivers : [LOG]).map((receiver) => ({ receiver, alert }));
    });
    const byReceiver = [...Map.groupBy(wanted, ({ receiver }) => receiver)];
    const work = byReceiver.map(([receiver, items]) => {
      const theirs = items.map(({ alert }) => alert);
      return tellAll(receiver, theirs, signal);
    });
    const outcomes = (await Promise.all(work)).flat().map(({ outcome }) => outcome);
    const isWrittenDown = await journal.save();
    planSummaries(0);
    const isTold = !outcomes.includes('failed') && (isWrittenDown || !outcomes.includes('rate_limited'));
    return isTold ? ok(undefined) : err('not_told');
  }

  async function test(severity: Severity): Promise<readonly Delivery[]> {
    const signal = orderSignal();
    const work = wanting(severity).map(async (receiver) => {
      const tested = await lanes.run(idOf(receiver), 1, () => courier.test(receiver, severity, signal));
      return tested ?? courier.note(receiver, testMessage(severity, ports.now()), 'failed', 'queue_full');
    });
    const deliveries = await Promise.all(work);
    await journal.save();
    return deliveries;
  }

  function inDebt(): readonly { readonly receiver: Receiver; readonly severity: Severity }[] {
    return [...ports.settings().receivers, LOG].flatMap((receiver) =>
      receiver.severities
        .filter((severity) => courier.heldOf(receiver, severity) > 0)
        .map((severity) => ({ receiver, severity })),
    );
  }

  /** Wakes when the first receiver from whom something was held back has room again. */
  function planSummaries(atLeastMs: number): void {
    if (summaryTimer) clearTimeout(summaryTimer);
    summaryTimer = null;
    const waitsMs = inDebt().map(({ receiver, severity }) => courier.roomInMs(receiver, severity));
    if (waitsMs.length === 0 || stopping.signal.aborted) return;
    summaryTimer = setTimeout(() => void sendSummaries(), Math.max(atLeastMs, Math.min(...waitsMs)));
    summaryTimer.unref();
  }

  async function sendSummaries(): Promise<void> {
    const signal = orderSignal();
    const work = inDebt().map(({ receiver, severity }) =>
      lanes.run(idOf(receiver), 1, () => courier.summarise(receiver, severity, signal)),
    );
    await Promise.all(work);
    await journal.save();
    planSummaries(SUMMARY_AGAIN_MS);
  }

  planSummaries(0);
  return {
    relay,
    test,
    refuse: (reason) => {
      ports.onOutcome('log', 'failed');
      ports.log.error({ reason }, 'alert message refused');
    },
    sent: () => journal.sent(),
    stop: async () => {
      stopping.abort();
      if (summaryTimer) clearTimeout(summaryTimer);
      await lanes.idle();
      await journal.save();
    },
  };
}
