import type { Payment } from '../payment/index.ts';
import type { Order } from './api.ts';
import type { Sealer } from './ports.ts';

/** The buyer's personal data as a payment keeps it: encrypted, and null when the shop told us nothing. */
export function sealBuyer({ country: _public, ...personal }: Order['customer'], sealer: Sealer): string | null {
  return Object.keys(personal).length === 0 ? null : sealer.seal(JSON.stringify(personal));
}

/** The buyer's IP address, if the shop told us; some channels take no order without it. */
export function buyerIp({ customer }: Payment, sealer: Sealer): string | null {
  if (customer.sealed === null) return null;
  const personal: unknown = JSON.parse(sealer.open(customer.sealed));
  const ip = typeof personal === 'object' && personal !== null && 'ip' in personal ? personal.ip : null;
  return typeof ip === 'string' ? ip : null;
}
