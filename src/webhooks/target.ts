import { isIP } from 'node:net';
import type { WebhookRequest } from '../gateway/index.ts';
import { isPublicAddress } from './address.ts';

/** Below this, ports belong to services that are not webhooks (mail, shells); only the two of the web are called. */
const FREE_PORTS_FROM = 1_024;
const WEB_PORT_BY_PROTOCOL: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
]);
/**
 * Above it, what takes an HTTP request for something else: the bad ports of https://fetch.spec.whatwg.org (section "Port
 * blocking"), then databases, caches, queues and container hosts.
 */
const FOREIGN_PORTS: ReadonlySet<number> = new Set([
  ...[
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
  ],
  ...[1433, 1521, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 6379, 6443, 7000, 7001, 8086, 8500],
  ...[9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017, 27018, 27019],
]);

/** Names that lead inside without anybody being asked (RFC 6761; `.internal`: ICANN, July 2024). */
const INSIDE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/**
 * Why a webhook must not be sent to this URL, as far as the URL alone can tell, or null. A literal address is never looked up, so
 * nothing but this sees it.
 */
export function refusalOf(webhook: Pick<WebhookRequest, 'url' | 'allowPrivateAddresses' | 'allowHttp'>): string | null {
  const url = URL.parse(webhook.url);
  const ownPort = url && WEB_PORT_BY_PROTOCOL.get(url.protocol);
  if (!url || ownPort === undefined || ownPort === null) return 'bad_url';
  if (url.username !== '' || url.password !== '') return 'credentials';
  if (url.protocol === 'http:' && !webhook.allowHttp) return 'plain_http';
  if (webhook.allowPrivateAddresses) return null;
  const port = Number(url.port || ownPort);
  const isWeb = port === 80 || port === 443;
  if (!isWeb && (port < FREE_PORTS_FROM || FOREIGN_PORTS.has(port))) return 'port';
  // The parser has brought every spelling of an IPv4 address (hex, octal, one number) into its usual form.
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isInside = isIP(host) === 0 ? INSIDE_NAME.test(host) : !isPublicAddress(host);
  return isInside ? 'private_address' : null;
}
