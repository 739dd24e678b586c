import type { EpochMs } from '../../payment/index.ts';
import type { FailingEndpoint, KeyReservation, PaymentStore } from '../port.ts';
import { isDuplicate } from './failures.ts';
import { idOf, type Rows } from './rows.ts';

/** Idempotency-Keys. */
export function createKeys({ keys, raw }: Pick<Rows, 'keys' | 'raw'>) {
  async function reserve(request: Parameters<PaymentStore['reserveKey']>[0]): Promise<KeyReservation> {
    const { merchantId, key, requestHash, subject, now } = request;
    const _id = idOf(merchantId, key);
    try {
      await raw.keys.insertOne({ _id, requestHash, subject, createdAt: now });
      return { outcome: 'reserved' };
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
    // The first may not be on a majority yet; it tells what it is all the same, and what it reserved is a key alone.
    const known = await keys.findById(_id).read('primary').readConcern('local').lean();
    if (known?.requestHash !== requestHash) return { outcome: 'conflict' };
    return { outcome: 'repeat', subject: known.subject };
  }

  async function purge(olderThan: EpochMs, limit: number): Promise<number> {
    if (limit <= 0) return 0;
    const old = await keys
      .find({ createdAt: { $lt: olderThan } }, { _id: 1 })
      .sort({ createdAt: 1 })
      .limit(limit)
      .lean();
    if (old.length === 0) return 0;
    const { deletedCount } = await keys.deleteMany({ _id: { $in: old.map(({ _id }) => _id) } });
    return deletedCount;
  }

  return { reserve, purge };
}

/** Addresses of shops that fail. */
export function createEndpoints({ endpoints }: Pick<Rows, 'endpoints'>) {
  return {
    async save(entry: FailingEndpoint): Promise<void> {
      const _id = idOf(entry.merchantId, entry.endpoint);
      const save = () => endpoints.replaceOne({ _id }, { _id, ...entry }, { upsert: true });
      await save().catch((error: unknown) => {
        if (!isDuplicate(error)) throw error;
        return save();
      });
    },
    async forget({ merchantId, endpoint }: Pick<FailingEndpoint, 'merchantId' | 'endpoint'>): Promise<void> {
      await endpoints.deleteOne({ _id: idOf(merchantId, endpoint) });
    },
    async list(): Promise<readonly FailingEndpoint[]> {
      const rows = await endpoints.find().sort({ merchantId: 1, endpoint: 1 }).lean();
      return rows.map(({ merchantId, endpoint, failingSince, pausedAt, reason }) => ({
        ...{ merchantId, endpoint, failingSince, pausedAt, reason },
      }));
    },
  };
}
