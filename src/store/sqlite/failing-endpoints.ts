import type Database from 'better-sqlite3';
import type { FailingEndpoint } from '../port.ts';
import type { Write } from './commit-queue.ts';

type EndpointKey = Pick<FailingEndpoint, 'merchantId' | 'endpoint'>;

/** The statements that change the list of failing endpoints; a list that nobody joins with payments. */
export function prepareFailingEndpoints(db: Database.Database) {
  const save = db.prepare<[FailingEndpoint]>(`
    INSERT INTO failing_endpoints VALUES (:merchantId, :endpoint, :failingSince, :pausedAt, :reason)
    ON CONFLICT (merchant_id, endpoint) DO UPDATE SET
      failing_since = excluded.failing_since, paused_at = excluded.paused_at, reason = excluded.reason`);
  const forget = db.prepare<[string, string]>('DELETE FROM failing_endpoints WHERE merchant_id = ? AND endpoint = ?');

  return {
    save(entry: FailingEndpoint): Write<void> {
      return () => {
        save.run(entry);
        return () => {};
      };
    },
    forget({ merchantId, endpoint }: EndpointKey): Write<void> {
      return () => {
        forget.run(merchantId, endpoint);
        return () => {};
      };
    },
  };
}

/** All of them, by merchant and address. */
export function prepareFailingEndpointList(db: Database.Database): () => readonly FailingEndpoint[] {
  const list = db.prepare<[], FailingEndpoint>(`
    SELECT merchant_id AS merchantId, endpoint, failing_since AS failingSince, paused_at AS pausedAt, reason
    FROM failing_endpoints ORDER BY merchant_id, endpoint`);
  return () => list.all();
}
