/**
 * Metrics that only a gateway with REDIS_URL or MONGO_URL has, and their labels. test/e2e/replicas.test.ts and test/store/mongo/process.test.ts
 * read them.
 */
export const WITH_SERVERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['switchyard_shared_state_up', []],
  ['switchyard_replicas', []],
  ['switchyard_config_variants', []],
  ['switchyard_clock_skew_seconds', ['against']],
  ['switchyard_mongo_connections_in_use', []],
  ['switchyard_mongo_connections_max', []],
  ['switchyard_mongo_operations_waiting', []],
]);
