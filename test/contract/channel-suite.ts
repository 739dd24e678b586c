import { describe } from 'vitest';
import { describeBalance } from './channel-balance.ts';
import { describeCallbacks } from './channel-callbacks.ts';
import { describeCredentials } from './channel-credentials.ts';
import { describeForgeries } from './channel-forgeries.ts';
import { describeOrders } from './channel-orders.ts';
import { describeRecord } from './channel-record.ts';
import { describeRefundCallbacks } from './channel-refund-callbacks.ts';
import { describeRefundOutcomes } from './channel-refund-outcomes.ts';
import { calledBack } from './channel-refund-stage.ts';
import { describeRefundTransport } from './channel-refund-transport.ts';
import { describeRefunds } from './channel-refunds.ts';
import type { ChannelSubject } from './channel-subject.ts';
import { describeTransport } from './channel-transport.ts';

export type { CallbackProof, ChannelSubject, CreateCase, CredentialPath } from './channel-subject.ts';

/**
 * What every channel has to do, whatever its provider: the same named scenarios against its adapter and its simulator over real
 * HTTP. A new channel is tried by one file that calls this with its subject.
 */
export function describeChannelContract(subject: ChannelSubject): void {
  describe(`${subject.provider.id} channel contract`, () => {
    describe('orders', () => describeOrders(subject));
    describe('callbacks', () => describeCallbacks(subject));
    describe('forged callbacks are refused', () => describeForgeries(subject));
    describe('credentials', () => describeCredentials(subject));
    describe('transport', () => describeTransport(subject));
    describe('record', () => describeRecord(subject));
    describe('the balance', () => describeBalance(subject));
    if (!subject.provider.capabilities.includes('refund')) return;
    describe('refunds', () => describeRefunds(subject));
    describe('a refund', () => describeRefundOutcomes(subject));
    describe('refunds and transport', () => describeRefundTransport(subject));
    if (calledBack(subject).includes('succeeded')) {
      describe('callbacks about refunds', () => describeRefundCallbacks(subject));
    }
  });
}
