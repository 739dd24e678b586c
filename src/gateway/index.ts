export { aboveLimit } from './amount-limit.ts';
export type * from './api.ts';
export type { ChannelBalances } from './balance-poller.ts';
export * from './errors.ts';
export { createGateway, type RunningGateway } from './gateway.ts';
export type { Parts } from './parts.ts';
export type * from './ports.ts';
export * from './tracing.ts';
export * from './view.ts';
