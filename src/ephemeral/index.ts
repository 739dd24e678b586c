export { createMemoryEphemeral, type MemoryOptions } from './memory.ts';
export type * from './port.ts';
export { withLocal } from './with-local.ts';
