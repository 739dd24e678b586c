import type { SendWebhook, WebhookAnswer, WebhookRequest } from '../../src/gateway/index.ts';
import { DAY, SECOND } from './climate.ts';
import type { Witness } from './witness.ts';
import type { World } from './world.ts';

/** The shop whose address refuses everything for days, in worlds that have one. */
export const DOWN_FOR_DAYS = 'https://down.example/notify';
const DOWN_MS = 4 * DAY;

/** Where shops take events: some answer, some fail, some hang, and some answer what nobody understands. */
export function openEndpoints(world: World, witness: Witness): SendWebhook {
  const { time, record, climate } = world;
  const chance = world.chance('endpoints');

  function answerTo({ url }: WebhookRequest): WebhookAnswer | 'hangs' | 'lost before' | 'lost after' {
    if (url === DOWN_FOR_DAYS && time.now() < DOWN_MS) return { outcome: 'answered', status: 503, body: 'down' };
    const { fails, hangs, garbage } = climate.shop;
    if (!world.isStormy()) return fine();
    if (chance.happens(hangs)) return 'hangs';
    if (chance.happens(fails)) {
      const failing = chance.pick(['status', 'lost before', 'lost after']);
      if (failing !== 'status') return failing;
      return { outcome: 'answered', status: chance.pick([500, 404, 302, 429]), body: '' };
    }
    if (chance.happens(garbage))
      return { outcome: 'answered', status: 200, body: chance.pick(['<html>', '{', 'null', '[]']) };
    return fine();
  }

  const fine = (): WebhookAnswer => ({
    outcome: 'answered',
    status: 200,
    body: chance.happens(0.5) ? '{"fulfilment":"delivered"}' : 'ok',
  });

  return (request, signal) =>
    new Promise((resolve) => {
      const gone = (reason: string): WebhookAnswer => ({ outcome: 'failed', reason });
      if (signal.aborted) {
        resolve(gone('aborted'));
        return;
      }
      signal.addEventListener('abort', () => resolve(gone('aborted')), { once: true });
      const answer = answerTo(request);
      record.count(
        typeof answer === 'string'
          ? `shop: ${answer}`
          : `shop: ${answer.outcome === 'answered' ? answer.status : 'failed'}`,
      );
      time.after(chance.mostlyShort(5, 2 * SECOND), () => {
        if (answer === 'lost before') return resolve(gone('ECONNRESET'));
        witness.told(request.headers['webhook-id'] ?? '', request.body);
        if (answer === 'lost after') return resolve(gone('ECONNRESET'));
        if (answer === 'hangs') return time.after(request.timeoutMs, () => resolve(gone('timeout')));
        time.after(chance.int(1, 50), () => resolve(answer));
      });
    });
}
