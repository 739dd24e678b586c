import { planAgenda } from './agenda.ts';
import type { Customer, EpayTerms, EpochMs, Payment, Policies, Scene } from './document.ts';
import { assertPayment } from './invariants.ts';
import type { Money } from './money.ts';

/** A merchant's order, parsed and checked. */
export interface NewPayment {
  readonly id: string;
  readonly merchantId: string;
  readonly merchantOrderNo: string;
  readonly requestHash: string;
  readonly amount: Money;
  readonly methods: readonly string[];
  readonly scene: Scene;
  readonly subject: string;
  readonly customer: Customer;
  readonly metadata: Readonly<Record<string, string>>;
  readonly pinnedChannelId: string | null;
  readonly notifyUrl: string | null;
  readonly returnUrl: string | null;
  readonly policies: Policies;
  readonly expiresInMs: number;
  readonly epay?: EpayTerms;
  /** Of the request that creates it. */
  readonly traceparent?: string;
}

/** The first document of a payment, version 1, with its expiry already on the agenda. */
export function createPayment(order: NewPayment, now: EpochMs): Payment {
  const { expiresInMs, ...fields } = order;
  const blank: Payment = {
    schema: 2,
    version: 1,
    ...fields,
    status: 'created',
    statusReason: null,
    closeRequested: null,
    attempts: [],
    refunds: [],
    events: [],
    agenda: [],
    nextDueAt: null,
    fulfilment: 'none',
    createdAt: now,
    updatedAt: now,
    expiresAt: now + expiresInMs,
    paidAt: null,
  };
  const payment = { ...blank, agenda: planAgenda(blank, now), nextDueAt: blank.expiresAt };
  assertPayment(payment);
  return payment;
}
