import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import type { CreatedPage } from '../../src/store/index.ts';
import { aPayment, NEW_YEAR } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const OTHER = 'm_other';

/** Reading the payments of a period, whoever's they are. */
export function describeCreated({ store }: StoreUnderTest): void {
  const insert = async (at: number, set: Parameters<typeof aPayment>[0] = {}): Promise<Payment> => {
    const payment = aPayment(set, at);
    await store().insert(payment);
    return payment;
  };
  const ALL: CreatedPage = { from: 0, before: Number.MAX_SAFE_INTEGER, every: 1, limit: 1_000 };
  /** All pages, one after the other. */
  const pages = async (page: Partial<CreatedPage> = {}): Promise<readonly (readonly string[])[]> => {
    const found: (readonly string[])[] = [];
    let cursor: string | null = null;
    do {
      const asked: CreatedPage = { ...ALL, ...page };
      const answer = await store().listCreated(cursor === null ? asked : { ...asked, cursor });
      found.push(answer.items.map(({ id }) => id));
      cursor = answer.nextCursor;
    } while (cursor !== null && found.length < 50);
    return found;
  };
  const ids = async (page: Partial<CreatedPage> = {}): Promise<readonly string[]> => (await pages(page)).flat();

  describe('listCreated', () => {
    test('answers the payments of all merchants, oldest first, and by id within a millisecond', async () => {
      const young = await insert(NEW_YEAR + 9);
      const twins = [await insert(NEW_YEAR + 5), await insert(NEW_YEAR + 5, { merchantId: OTHER })].map((p) => p.id);
      const old = await insert(NEW_YEAR, { merchantId: OTHER });
      expect(await ids()).toEqual([old.id, ...twins.sort(), young.id]);
    });

    test('answers whole documents', async () => {
      const payment = await insert(NEW_YEAR);
      expect((await store().listCreated(ALL)).items).toEqual([payment]);
    });

    test('takes times from `from` on and up to, without, `before`, and counts the same', async () => {
      const [a, b, c] = [await insert(NEW_YEAR), await insert(NEW_YEAR + 10), await insert(NEW_YEAR + 20)];
      const first = { from: NEW_YEAR, before: NEW_YEAR + 10 };
      const rest = { from: NEW_YEAR + 10, before: NEW_YEAR + 21 };
      expect([await ids(first), await ids(rest)]).toEqual([[a.id], [b.id, c.id]]);
      expect([await store().countCreated(first), await store().countCreated(rest)]).toEqual([1, 2]);
      expect(await store().countCreated({ from: NEW_YEAR + 21, before: NEW_YEAR + 99 })).toBe(0);
    });

    test('pages through everything once, also where many share a millisecond, and ends on a full page', async () => {
      for (let i = 0; i < 20; i += 1) await insert(NEW_YEAR + Math.floor(i / 7), { merchantId: `m_${i % 3}` });
      const found = await pages({ limit: 5 });
      expect(found.map((page) => page.length)).toEqual([5, 5, 5, 5]);
      expect(found.flat()).toEqual(await ids());
    });

    test('is not disturbed by payments that come while somebody pages', async () => {
      for (let i = 0; i < 4; i += 1) await insert(NEW_YEAR + i);
      const before = await ids();
      const first = await store().listCreated({ ...ALL, limit: 2, before: NEW_YEAR + 50 });
      await insert(NEW_YEAR + 100);
      const second = await store().listCreated({
        ...{ ...ALL, limit: 2, before: NEW_YEAR + 50 },
        cursor: first.nextCursor ?? '',
      });
      expect([...first.items, ...second.items].map((p) => p.id)).toEqual(before);
    });

    test('takes a sample that is spread evenly and always the same', async () => {
      for (let i = 0; i < 40; i += 1) await insert(NEW_YEAR + i);
      const everything = await ids();
      const sample = await ids({ every: 4, limit: 3 });
      expect(sample).toHaveLength(10);
      expect(await ids({ every: 4 })).toEqual(sample);
      const places = sample.map((id) => everything.indexOf(id));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      for (const [i, place] of places.entries()) expect(place - (places[i - 1] ?? place - 4)).toBe(4);
    });

    test.each(['', 'nonsense', '!!!', Buffer.from('99:x; DROP').toString('base64url')])(
      'starts at the oldest for the cursor "%s", which it never gave',
      async (cursor) => {
        const payment = await insert(NEW_YEAR);
        expect((await store().listCreated({ ...ALL, cursor })).items.map((p) => p.id)).toEqual([payment.id]);
      },
    );
  });
}
