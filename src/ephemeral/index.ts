export { createMemoryEphemeral, type MemoryOptions } from './memory.ts';
export type * from './port.ts';
export { type RedisTarget, readRedisUrl } from './redis-url.ts';
