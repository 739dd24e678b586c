import { z } from 'zod';
import { checkChannelExists, type GatewayReading } from './gateway-file.ts';
import { MERCHANT_ID, type MerchantEntry, merchantSchema } from './merchant-schema.ts';
import { entriesAt, type FaultSink, faultAt, parseAt } from './parse.ts';
import { rawAt } from './raw.ts';

export interface ReadMerchant {
  readonly id: string;
  readonly entry: MerchantEntry;
}

const merchantsFileSchema = z.strictObject({ merchants: z.unknown().optional() });

/** Parses `merchants.yaml` merchant by merchant, and checks what must differ between them. */
export function readMerchants(
  sink: FaultSink,
  { channelIds, allowHttp }: Pick<GatewayReading, 'channelIds' | 'allowHttp'>,
): readonly ReadMerchant[] {
  if (sink.source.value === undefined) return [];
  parseAt(sink, [], sink.source.value, merchantsFileSchema);
  const merchants = entriesAt(sink, ['merchants'], rawAt(sink.source.value, 'merchants')).flatMap(([id, value]) => {
    if (!MERCHANT_ID.test(id)) faultAt(sink, ['merchants', id], 'must be named with 1 to 40 of a-z, 0-9, _ and -');
    const entry = parseAt(sink, ['merchants', id], value, merchantSchema);
    return entry ? [{ id, entry }] : [];
  });
  for (const merchant of merchants) {
    if (merchant.entry.channels !== 'all') {
      for (const [index, channelId] of merchant.entry.channels.entries()) {
        checkChannelExists(sink, ['merchants', merchant.id, 'channels', index], channelId, channelIds);
      }
    }
    if (!allowHttp && merchant.entry.webhook.url?.startsWith('http:')) {
      faultAt(sink, ['merchants', merchant.id, 'webhook', 'url'], 'must be https (or set allow_http in gateway.yaml)');
    }
  }
  checkKeysDiffer(sink, merchants);
  checkPidsDiffer(sink, merchants);
  return merchants;
}

function checkKeysDiffer(sink: FaultSink, merchants: readonly ReadMerchant[]): void {
  const ownerByHash = new Map<string, string>();
  for (const { id, entry } of merchants) {
    for (const [index, hash] of entry.secret_keys.entries()) {
      const owner = ownerByHash.get(hash.toString('hex'));
      if (owner !== undefined) {
        faultAt(
          sink,
          ['merchants', id, 'secret_keys', index],
          `is a key that ${owner} has already; each key has one owner`,
        );
      }
      ownerByHash.set(hash.toString('hex'), owner ?? id);
    }
  }
}

function checkPidsDiffer(sink: FaultSink, merchants: readonly ReadMerchant[]): void {
  const ownerByPid = new Map<number, string>();
  for (const { id, entry } of merchants) {
    if (!entry.epay) continue;
    const owner = ownerByPid.get(entry.epay.pid);
    if (owner !== undefined) faultAt(sink, ['merchants', id, 'epay', 'pid'], `is a pid that ${owner} has already`);
    ownerByPid.set(entry.epay.pid, owner ?? id);
  }
}
