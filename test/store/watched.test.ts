import { expect, test } from 'vitest';
import { watchedStore } from '../../src/store/index.ts';
import { faultyStore } from '../gateway/faulty-store.ts';
import { openTemporaryStore } from './sqlite/temporary.ts';

test('what a store could not do is told by its kind, and is refused all the same', async () => {
  const temporary = openTemporaryStore();
  const failures: string[] = [];
  let broken = true;
  const store = watchedStore(
    faultyStore(temporary.store, () => (broken ? 'fails' : 'works')),
    (operation) => failures.push(operation),
  );
  await expect(store.findById('pay_x')).rejects.toThrow();
  await expect(store.claimDue({ now: 1, owner: 'o', leaseMs: 1, limit: 1 })).rejects.toThrow();
  await expect(store.ping()).rejects.toThrow();
  expect(failures).toEqual(['read', 'claim', 'other']);
  broken = false;
  expect(await store.findById('pay_x')).toBeNull();
  expect(failures).toHaveLength(3);
  await temporary.dispose();
});
