import type { EpochMs } from '../../src/payment/index.ts';

/** `YYYY-MM-DD HH:MM:SS` on China's clock, as their databases have it; null for anything else. */
export function fromChinaTime(text: string | undefined): EpochMs | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return null;
  const at = Date.parse(`${text.replace(' ', 'T')}+08:00`);
  return Number.isNaN(at) ? null : at;
}
