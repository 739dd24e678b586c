import { describe } from 'vitest';
import { describeCallbacks } from './channel-callbacks.ts';
import { describeCredentials } from './channel-credentials.ts';
import { describeForgeries } from './channel-forgeries.ts';
import { describeOrders } from './channel-orders.ts';
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
  });
}
