import type { Signer } from '../epay/index.ts';
import type { EpayTerms } from '../payment/index.ts';
import type { Parts } from './parts.ts';

/** Signs in the way that an order was asked for in. */
export function epaySigner(parts: Pick<Parts, 'merchants' | 'epayKey'>) {
  return {
    /** Null when the merchant does not speak epay any more. */
    of: async (merchantId: string, { sign }: Pick<EpayTerms, 'sign'>): Promise<Signer | null> => {
      const account = parts.merchants().byId(merchantId)?.epay;
      const key = account?.keys[0];
      if (key === undefined) return null;
      return sign === 'rsa' ? { sign, privateKey: await parts.epayKey() } : { sign, key };
    },
  };
}
