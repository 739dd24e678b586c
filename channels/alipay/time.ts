import type { EpochMs } from '../../src/payment/index.ts';

const BEIJING_OFFSET_MS = 8 * 60 * 60 * 1000;

/**
 * Alipay's only way to write a time: `yyyy-MM-dd HH:mm:ss` in GMT+8, whatever the machine's zone; parts of a second are cut
 * off. The SDK's own clock uses the machine's zone and is never asked (`channels.md` 1.2).
 */
export function toBeijing(at: EpochMs): string {
  return new Date(at + BEIJING_OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** The inverse, with or without milliseconds (`gmt_refund` has them); null for anything else, an impossible date included. */
export function fromBeijing(text: string | undefined): EpochMs | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/.test(text)) return null;
  const at = Date.parse(`${text.replace(' ', 'T')}+08:00`);
  return Number.isNaN(at) || toBeijing(at) !== text.slice(0, 19) ? null : at;
}
