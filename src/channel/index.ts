export { cleanExchange } from './clean-exchange.ts';
export * from './contract.ts';
export * from './errors.ts';
export * from './rsa.ts';
export * from './secrets.ts';
export * from './transport.ts';
