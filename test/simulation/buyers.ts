import { type Payment, providerRefOf } from '../../src/payment/index.ts';
import type { ProviderOrder } from './books.ts';
import { MINUTE, SECOND } from './climate.ts';
import type { Fleet } from './fleet.ts';
import type { Provider } from './provider.ts';
import type { Witness } from './witness.ts';
import type { World } from './world.ts';

type Habit = 'prompt' | 'late' | 'last second' | 'never' | 'after the end';

/** A payment gets no more attempts than this. */
const ATTEMPTS_MAX = 20;

export interface Buyers {
  /** A buyer is shown a payment, and does what such a buyer does. */
  look(payment: Payment): void;
  /** An order is in somebody's hands though we never handed it out. */
  ghost(provider: Provider, order: ProviderOrder): void;
}

/** The buyers of a world: they pay at once, late, twice, with another amount, in the last second, or never. */
export function createBuyers(world: World, fleet: Fleet, witness: Witness, providers: readonly Provider[]): Buyers {
  const { time, record, climate } = world;
  const chance = world.chance('buyers');

  function look(payment: Payment): void {
    const order = witness.shown(payment);
    const provider = providers.find(({ orders }) => order !== null && orders.has(order.ref));
    if (!order || !provider) return;
    const isDeclined = chance.happens(world.isStormy() ? climate.orders.declined : 0);
    if (isDeclined) {
      time.after(chance.mostlyShort(2 * SECOND, 2 * MINUTE), () => provider.decline(order.ref, chance.happens(0.5)));
    }
    const leftMs = order.expiresAt - world.wallMs();
    const habit = drawHabit();
    record.count(`buyer: ${habit}`);
    if (habit !== 'never') payLater(provider, order, delayOf(habit, leftMs));
    if (chance.happens(climate.buyers.twice)) payAnother(provider, order, chance.mostlyShort(SECOND, leftMs));
    if (chance.happens(0.2)) watch(payment);
  }

  const drawHabit = (): Habit => {
    const { never, lastSecond } = climate.buyers;
    return chance.weighted({ prompt: 1, late: 0.3, 'last second': lastSecond, never, 'after the end': 0.05 });
  };

  function delayOf(habit: Habit, leftMs: number): number {
    switch (habit) {
      case 'prompt':
        return chance.mostlyShort(2 * SECOND, Math.min(MINUTE, leftMs));
      case 'late':
        return chance.int(0, leftMs);
      case 'last second':
        return leftMs - chance.int(1, SECOND);
      default:
        return leftMs + chance.int(0, 10 * SECOND);
    }
  }

  function payLater(provider: Provider, order: ProviderOrder, delayMs: number): void {
    const readMs = Math.min(delayMs, chance.int(0, 10 * SECOND));
    const isOther = chance.happens(world.isStormy() ? climate.orders.otherAmount : 0);
    const minor = Math.max(1, order.amountMinor + (isOther ? chance.pick([-1, 1, 100, -100]) : 0));
    time.after(delayMs - readMs, () => provider.scan(order.ref));
    time.after(delayMs, () => {
      if (!provider.pay(order.ref, minor)) record.count('buyer: came too late');
    });
  }

  /** Another way to pay the same thing, if there is one by then. */
  function payAnother(first: Provider, paid: ProviderOrder, delayMs: number): void {
    time.after(delayMs, () => {
      for (const provider of providers) {
        for (let seq = 1; seq <= ATTEMPTS_MAX; seq += 1) {
          const order = provider.orders.get(providerRefOf(paid.paymentId, seq));
          if (!order || (provider === first && order === paid) || !provider.isPayable(order)) continue;
          record.count('buyer: pays another order');
          provider.pay(order.ref);
        }
      }
    });
  }

  /** The cashier page is open, and its button is pressed. */
  function watch(payment: Payment): void {
    world.begin(async () => {
      for (let looks = chance.int(1, 6); looks > 0; looks -= 1) {
        await time.wait(chance.mostlyShort(SECOND, 20 * SECOND));
        const presses = chance.happens(0.3);
        const served = await fleet.serve('cashier', 10 * SECOND, (gateway) =>
          presses ? gateway.syncForBuyer(payment.id) : gateway.findForBuyer(payment.id),
        );
        if (served.outcome === 'answered' && served.value) look(served.value);
      }
    });
  }

  function ghost(provider: Provider, order: ProviderOrder): void {
    if (!world.isStormy() || !chance.happens(climate.orders.ghostPaid)) return;
    time.after(chance.mostlyShort(SECOND, order.expiresAt - world.wallMs()), () => {
      if (!provider.isPayable(order)) return;
      record.count('buyer: pays what was never shown');
      provider.pay(order.ref);
    });
  }

  return { look, ghost };
}
