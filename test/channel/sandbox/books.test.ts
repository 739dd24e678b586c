import { expect, test } from 'vitest';
import { openBooks } from '../../../src/channel/sandbox/books.ts';
import type { Order } from '../../../src/channel/sandbox/index.ts';

const anOrder = (set: Partial<Order> = {}): Order => ({
  providerRef: 'one',
  amountMinor: 1000,
  currency: 'CNY',
  visible: true,
  status: 'open',
  tradeNo: 'T1',
  paidAmountMinor: null,
  paidAt: null,
  createdAt: 0,
  expiresAt: null,
  refunds: [],
  callbacksSent: 0,
  callbacksAcked: 0,
  detail: {},
  ...set,
});

test('a simulator that writes an old copy back does not undo the callback counts', () => {
  const books = openBooks(null);
  const old = anOrder();
  books.put(old);
  books.countCallback('one', 'sent');
  books.countCallback('one', 'acked');
  books.put({ ...old, status: 'paid', callbacksSent: 7 });
  expect(books.find('one')).toMatchObject({ status: 'paid', callbacksSent: 1, callbacksAcked: 1 });
});

test('findBy finds the newest order that fits', () => {
  const books = openBooks(null);
  for (const providerRef of ['one', 'two', 'three']) books.put(anOrder({ providerRef }));
  books.put(anOrder({ providerRef: 'three', status: 'paid' }));
  expect(books.findBy(({ status }) => status === 'open')?.providerRef).toBe('two');
  expect(books.findBy(({ amountMinor }) => amountMinor === 1)).toBeUndefined();
});

test('beyond the cap the oldest orders are forgotten', () => {
  const books = openBooks(null, 2);
  for (const providerRef of ['one', 'two', 'three']) books.put(anOrder({ providerRef }));
  expect(books.all().map(({ providerRef }) => providerRef)).toEqual(['two', 'three']);
  expect(books.find('one')).toBeUndefined();
});

test('requests that run at the same time are each told their own new orders', async () => {
  const books = openBooks(null);
  const make = (providerRef: string, again: string) =>
    books.watch(async () => {
      await Promise.resolve();
      books.put(anOrder({ providerRef }));
      await Promise.resolve();
      books.put(anOrder({ providerRef: again }));
    });
  books.put(anOrder({ providerRef: 'known' }));
  const [first, second] = await Promise.all([make('a', 'known'), make('b', 'b')]);
  expect([first.made, second.made]).toEqual([['a'], ['b']]);
});
