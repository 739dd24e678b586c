export { type CallOptions, createSwitchyard, type ListEvents, type ListPayments, type Switchyard } from './client.ts';
export { ApiError, ConnectionError, type ErrorCode, WebhookError } from './errors.ts';
export type { SwitchyardOptions } from './request.ts';
export type * from './types.ts';
export { type VerifyOptions, verifyWebhook, type WebhookEvent } from './webhook.ts';
