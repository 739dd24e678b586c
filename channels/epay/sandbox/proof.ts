import { createHash, createSign, createVerify } from 'node:crypto';
import type { Keys } from './keys.ts';

export type Params = Readonly<Record<string, string>>;

/** Clocks of shop and operator may differ by this much in V2. */
const CLOCK_MS_MAX = 300_000;

/** The operator's side of the signatures. `tamper` signs something else, as somebody without the key would. */
export interface Proofs {
  /** The operator's name of what is wrong with a shop's signature, or null. */
  whyNot(params: Params, now: number): string | null;
  sign(params: Params, tamper: boolean): Params;
}

export function openProofs(keys: Keys): Proofs {
  const { rsa } = keys;
  if (rsa === null) {
    const md5 = (text: string) =>
      createHash('md5')
        .update(text + keys.key)
        .digest('hex');
    return {
      whyNot: (params) => (params.sign === md5(joined(params)) ? null : 'MD5签名校验失败'),
      sign: (params, tamper) => ({ ...params, sign: md5(joined(params) + (tamper ? '~' : '')), sign_type: 'MD5' }),
    };
  }
  return {
    whyNot(params, now) {
      if (params.sign_type !== 'RSA') return '该商户只能使用RSA签名类型';
      if (!params.timestamp) return '时间戳(timestamp)字段不能为空';
      if (Math.abs(now - Number(params.timestamp) * 1000) > CLOCK_MS_MAX) return '时间戳字段不正确，请检查服务器时间';
      const check = createVerify('RSA-SHA256').update(joined(params));
      return check.verify(rsa.merchant.publicKey, params.sign ?? '', 'base64') ? null : 'RSA签名校验失败';
    },
    sign(params, tamper) {
      const signer = createSign('RSA-SHA256').update(joined(params) + (tamper ? '~' : ''));
      return { ...params, sign: signer.sign(rsa.platform.privateKey, 'base64'), sign_type: 'RSA' };
    },
  };
}

function joined(params: Params): string {
  const names = Object.keys(params).filter(
    (name) => name !== 'sign' && name !== 'sign_type' && (params[name] ?? '').trim() !== '',
  );
  return names
    .sort()
    .map((name) => `${name}=${params[name]}`)
    .join('&');
}
