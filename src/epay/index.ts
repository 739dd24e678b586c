export * from './answer-look.ts';
export * from './money.ts';
export * from './near-miss.ts';
export * from './notice.ts';
export * from './parameters.ts';
export * from './signing.ts';
export * from './types.ts';
