import { expect, test } from 'vitest';
import { createOwedDeliveries } from '../../src/gateway/owed-deliveries.ts';

const at = { merchantId: 'm_demo', endpoint: 'https://down.example/' };
const other = { ...at, endpoint: 'https://elsewhere.example/' };
const event = (eventId: string) => ({ paymentId: 'pay_1', eventId, until: 0, written: Promise.resolve(true) });

test('one shop that is down for long leaves room for the others', () => {
  const owed = createOwedDeliveries();
  for (let i = 0; i < 30_000; i += 1) owed.remember(at, event(`evt_${i}`));
  owed.remember(other, event('evt_other'));
  expect(owed.release(other).map(({ eventId }) => eventId)).toEqual(['evt_other']);
});
