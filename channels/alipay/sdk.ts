import { Socket } from 'node:net';

/**
 * alipay-sdk, without what its HTTP client does to the whole process: urllib 4 replaces `Socket.prototype.destroy` by one that
 * throws when two sockets are destroyed with the same error, as undici does when an agent with several connections is
 * destroyed (urllib/dist/esm/diagnosticsChannel.js). Nobody but urllib's own error messages needs that.
 */
const { destroy } = Socket.prototype;
const sdk = await import('alipay-sdk');
Socket.prototype.destroy = destroy;

export const { AlipaySdk, AlipayRequestError } = sdk;
