import type { ExclusionReason, Payment, Scene } from '../payment/index.ts';
import { takesOrders } from '../routing/index.ts';
import type { BuyerChoice, WayToPay } from './api.ts';
import { buyerIp } from './buyer.ts';
import type { Parts } from './parts.ts';
import { asRequest, type Wish } from './placement.ts';
import type { Channel, Merchant } from './ports.ts';
import { type Router, requestOf } from './router.ts';

/** What keeps a channel from taking an order now and may be otherwise in a while. */
const PASSING: ReadonlySet<ExclusionReason> = new Set([
  'breaker_open',
  'cooling_down',
  'rate_limit',
  'daily_limit',
  'daily_pacing',
  'maintenance',
]);

/** `doubtful`: only channels that do not seem to work; routing would try one when there is nothing else. */
type Standing = 'open' | 'doubtful' | 'away';

/** Which ways to pay a buyer can be offered: what routing would do with the payment now, not what is configured. */
export function createWaysToPay(parts: Parts, router: Router) {
  async function waysToPay(
    payment: Payment,
    scenesOf: (method: string) => readonly Scene[],
  ): Promise<readonly WayToPay[]> {
    const merchant = parts.merchants().byId(payment.merchantId);
    if (!merchant) return [];
    const judged = await Promise.all(
      methodsOf(payment).map(async (method) => {
        const standings = await Promise.all(
          scenesFor(payment, method, scenesOf(method)).map((scene) => standingOf(merchant, payment, { method, scene })),
        );
        return { method, standings: standings.filter((one) => one !== null) };
      }),
    );
    const offered = judged.filter(({ standings }) => standings.length > 0);
    // When nothing works as it should, the buyer may try what is left, as any other payment would.
    const works = offered.some(({ standings }) => standings.includes('open')) ? 'open' : 'doubtful';
    return offered.map(({ method, standings }) => ({ method, available: standings.includes(works) }));
  }

  /** The first scene in which a channel would take the payment by this method; a doubtful one only when there is no other. */
  async function sceneFor(merchant: Merchant, payment: Payment, choice: BuyerChoice): Promise<Scene | null> {
    let doubtful: Scene | null = null;
    for (const scene of scenesFor(payment, choice.method, choice.scenes)) {
      const standing = await standingOf(merchant, payment, { method: choice.method, scene });
      if (standing === 'open') return scene;
      if (standing === 'doubtful') doubtful ??= scene;
    }
    return doubtful;
  }

  /** Null: no channel will ever take this payment in this way. */
  async function standingOf(merchant: Merchant, payment: Payment, wish: Wish): Promise<Standing | null> {
    const known = { buyerIpKnown: buyerIp(payment, parts.sealer) !== null, triedChannelIds: [] };
    const ranking = await router.quote({ ...requestOf(payment, merchant, known), ...asRequest(wish) });
    const reason = ranking.choice?.decision.reason;
    if (reason !== undefined) return reason === 'panic' ? 'doubtful' : 'open';
    return ranking.exclusions.some(({ excluded }) => excluded !== null && PASSING.has(excluded)) ? 'away' : null;
  }

  function methodsOf(payment: Payment): readonly string[] {
    if (payment.methods.length > 0) return payment.methods;
    return [...new Set(channelsFor(payment).flatMap(({ profile }) => profile.methods))];
  }

  function scenesFor(payment: Payment, method: string, scenes: readonly Scene[]): readonly Scene[] {
    const able = channelsFor(payment).filter(({ profile }) => profile.methods.includes(method));
    return scenes.filter((scene) => able.some(({ profile }) => profile.scenes.includes(scene)));
  }

  function channelsFor({ amount }: Payment): readonly Channel[] {
    const loaded = [...parts.channels().values()];
    return loaded.filter(({ profile }) => takesOrders(profile) && profile.currencies.includes(amount.currency));
  }

  return { waysToPay, sceneFor };
}

export type WaysToPay = ReturnType<typeof createWaysToPay>;
