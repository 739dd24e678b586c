export { createRedisBoard } from './board.ts';
export { type LinkOptions, type LinkState, openLink, type RedisLink } from './link.ts';
export { createRedisEphemeral } from './state.ts';
