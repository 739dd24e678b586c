import type { PaymentStore } from '../../src/store/port.ts';
import type { Life } from './life.ts';
import { MadeUpFault, type World } from './world.ts';

/** Times in which the store cannot be reached at all. */
export type IsDown = () => boolean;

/**
 * The store as one process sees it: every operation takes a while before and after its effect, so that others come in between; some fail
 * before they had an effect, and some after. What a process had asked for when it died may still happen, unless it was alone on the
 * store: then the operation died with it.
 */
export function unreliableStore(
  store: PaymentStore,
  options: { readonly world: World; readonly life: Life; readonly isDown: IsDown; readonly diesWithProcess: boolean },
): PaymentStore {
  const { world, life, isDown, diesWithProcess } = options;
  const { time, record } = world;
  const { failsBefore, failsAfter, slow, slowMsMax } = world.climate.store;
  const chance = world.chance('store');

  function delayMs(isWrite: boolean): number {
    if (world.isStormy() && chance.happens(slow)) {
      record.count('store: slow');
      return chance.mostlyShort(10, slowMsMax);
    }
    return chance.int(0, isWrite ? 4 : 1);
  }

  async function operate<T>(method: string, act: () => Promise<T>): Promise<T> {
    const isWrite = WRITES.has(method);
    await time.wait(delayMs(isWrite));
    if (life.isOver() && (diesWithProcess || chance.happens(0.5))) return new Promise(() => {});
    if (isDown()) {
      record.count('store: outage');
      throw new MadeUpFault(`${method}: outage`);
    }
    if (world.isStormy() && chance.happens(failsBefore)) {
      record.count('store: fails before its effect');
      throw new MadeUpFault(`${method}: failed before its effect`);
    }
    const answer = await act();
    await time.wait(delayMs(isWrite));
    if (isWrite && world.isStormy() && chance.happens(failsAfter)) {
      record.count('store: fails after its effect');
      throw new MadeUpFault(`${method}: failed after its effect`);
    }
    return answer;
  }

  return new Proxy(store, {
    get: (_first, name) => {
      const method = String(name);
      return (...given: readonly unknown[]) =>
        life.through(() => operate(method, async () => Reflect.apply(Reflect.get(store, method), null, given)));
    },
  });
}

const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'claimDue', 'releaseLease', 'reserveKey']);
