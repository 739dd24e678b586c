import { createPublicKey, createSign, verify } from 'node:crypto';
import type { Stage } from './stage.ts';

/** A request as the documentation has it, made without the SDK: what the simulator must take, or refuse. */
export interface PlainClient {
  /** Public parameters and `biz_content`, signed; `set` replaces parameters before, `after` after signing. */
  params(method: string, biz: object, how?: Spoil): URLSearchParams;
  call(method: string, biz: object, how?: Spoil): Promise<PlainAnswer>;
  pageUrl(method: string, biz: object, how?: Spoil): string;
}

export interface Spoil {
  readonly set?: Readonly<Record<string, string | undefined>>;
  readonly after?: Readonly<Record<string, string | undefined>>;
}

export interface PlainAnswer {
  readonly key: string;
  readonly content: Readonly<Record<string, string>>;
  readonly text: string;
  readonly contentType: string | null;
  /** Whether the text between the key and the signature carries Alipay's signature, byte for byte. */
  readonly genuine: boolean;
}

export function plainClient({ credentials, clock }: Stage): PlainClient {
  const { app_id = '', private_key = '', alipay_public_key = '', gateway = '' } = credentials;
  const alipayKey = createPublicKey(alipay_public_key);
  const client: PlainClient = {
    params(method, biz, { set = {}, after = {} } = {}) {
      const at = new Date(Date.now() + clock.offsetMs + 8 * 3_600_000);
      const params = new URLSearchParams({
        app_id,
        method,
        format: 'JSON',
        charset: 'utf-8',
        sign_type: 'RSA2',
        timestamp: at.toISOString().slice(0, 19).replace('T', ' '),
        version: '1.0',
        biz_content: JSON.stringify(biz),
      });
      apply(params, set);
      params.set('sign', createSign('RSA-SHA256').update(textToSign(params)).sign(private_key, 'base64'));
      apply(params, after);
      return params;
    },
    async call(method, biz, how) {
      const params = client.params(method, biz, how);
      const bizContent = params.get('biz_content') ?? '';
      params.delete('biz_content');
      const answer = await fetch(`${gateway}?${params}`, {
        method: 'POST',
        body: new URLSearchParams({ biz_content: bizContent }),
      });
      const text = await answer.text();
      const match = /^\{"(\w+)":(\{.*\}),"sign":"([^"]*)"\}$/s.exec(text);
      const [, key = '', inner = '{}', sign = ''] = match ?? [];
      return {
        key,
        content: JSON.parse(inner) as Record<string, string>,
        text,
        contentType: answer.headers.get('content-type'),
        genuine: verify('sha256', Buffer.from(inner), alipayKey, Buffer.from(sign, 'base64')),
      };
    },
    pageUrl: (method, biz, how) => `${gateway}?${client.params(method, biz, how)}`,
  };
  return client;
}

function apply(params: URLSearchParams, changes: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) params.delete(name);
    else params.set(name, value);
  }
}

function textToSign(params: URLSearchParams): string {
  return [...params]
    .filter(([name, value]) => name !== 'sign' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}
