import { createPublicKey, type KeyObject } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type EpayDoctor, epayOverview, shopReport } from './doctor/index.ts';
import type { EpayAccount, EpayRecord, Merchant } from './gateway/index.ts';
import { fingerprintOf } from './merchant-keys.ts';

/** The doctor of the running gateway: the shops as they are configured now, and what was recorded of them. */
export function createEpayDoctor(ports: {
  readonly record: EpayRecord;
  /** All, also the disabled ones. */
  readonly merchants: () => readonly Merchant[];
  readonly platformKey: () => Promise<KeyObject>;
  readonly publicUrl: () => string;
  readonly configPath: string;
  readonly now: () => number;
}): EpayDoctor {
  const { record, now } = ports;
  const shops = () => ports.merchants().filter(speaksEpay);
  return {
    overview: () => {
      const known = shops().map((merchant) => ({ merchant, kept: record.of(merchant.id) }));
      return epayOverview(known, record.of(null), now());
    },
    shop: async (pid) => {
      const merchant = shops().find(({ epay }) => epay.pid === pid);
      if (merchant === undefined) return null;
      // A key file that cannot be read must not hide what the shop's trouble is.
      const platformKey = await ports.platformKey().catch(() => null);
      return shopReport({
        ...{ merchant, kept: record.of(merchant.id), nobodys: record.of(null), now: now() },
        keyFingerprints: merchant.epay.keys.map(fingerprintOf),
        keyKeptIn: `${join(dirname(ports.configPath), 'merchants.yaml')}, merchants.${merchant.id}.epay.key`,
        publicUrl: ports.publicUrl(),
        platformPublicKey: platformKey && onOneLine(platformKey),
      });
    },
  };
}

function speaksEpay(merchant: Merchant): merchant is Merchant & { readonly epay: EpayAccount } {
  return merchant.epay !== undefined;
}

function onOneLine(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
}
