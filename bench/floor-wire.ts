import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import type { Pool } from 'undici';
import { z } from 'zod';

/** One order as the floor program asks a provider for it. */
export interface FloorOrder {
  readonly id: string;
  readonly amountFen: number;
  readonly subject: string;
  readonly notifyUrl: string;
}

/** As little of a provider's protocol as can honestly be called one: both sides' signatures are made and checked. */
export interface FloorProvider {
  /** One signed call over a kept-alive connection; the buyer's QR code out of an answer whose signature held. */
  precreate(order: FloorOrder): Promise<string>;
  /** The trade that a genuine notice is about; throws on any other. */
  readNotice(headers: NoticeHeaders, body: Buffer): string;
}

export type NoticeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

const LIFE_MS = 900_000;
const CHINA_MS = 8 * 3_600_000;

const alipaySchema = z.object({
  app_id: z.string(),
  private_key: z.string(),
  alipay_public_key: z.string(),
  gateway: z.url(),
});
const precreatedSchema = z.object({ qr_code: z.string() });

/** RSA2 over the sorted parameters. @see https://opendocs.alipay.com/common/02kf5q */
export function alipay(credentials: unknown, pool: Pool): FloorProvider {
  const { app_id, private_key, alipay_public_key, gateway } = alipaySchema.parse(credentials);
  const ours = createPrivateKey(private_key);
  const theirs = createPublicKey(alipay_public_key);
  const { pathname } = new URL(gateway);
  const joined = (fields: readonly (readonly [string, string])[]): Buffer =>
    Buffer.from(
      fields
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${name}=${value}`)
        .join('&'),
    );

  return {
    async precreate({ id, amountFen, subject, notifyUrl }) {
      const biz = {
        out_trade_no: id,
        total_amount: yuan(amountFen),
        subject,
        time_expire: china(LIFE_MS).replace('T', ' '),
      };
      const fields = {
        ...{ app_id, method: 'alipay.trade.precreate', charset: 'utf-8', sign_type: 'RSA2', version: '1.0' },
        ...{ timestamp: china(0).replace('T', ' '), notify_url: notifyUrl, biz_content: JSON.stringify(biz) },
      };
      const signature = sign('sha256', joined(Object.entries(fields)), ours).toString('base64');
      const text = await post(pool, pathname, new URLSearchParams({ ...fields, sign: signature }).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
      });
      const [, signed = '', proof = ''] =
        /^{"alipay_trade_precreate_response":({.*}),"sign":"([^"]*)"}$/.exec(text.body) ?? [];
      if (!verify('sha256', Buffer.from(signed), theirs, Buffer.from(proof, 'base64'))) throw new Error('not signed');
      return precreatedSchema.parse(JSON.parse(signed)).qr_code;
    },
    readNotice(_headers, body) {
      const fields = new URLSearchParams(body.toString('utf8'));
      const text = joined([...fields].filter(([name]) => name !== 'sign' && name !== 'sign_type'));
      const proof = Buffer.from(fields.get('sign') ?? '', 'base64');
      if (!verify('sha256', text, theirs, proof)) throw new Error('not signed');
      return fields.get('out_trade_no') ?? '';
    },
  };
}

const wechatSchema = z.object({
  ...{ appid: z.string(), mchid: z.string(), serial_no: z.string(), private_key: z.string() },
  ...{ public_key: z.string(), base_url: z.url() },
});
const nativeSchema = z.object({ code_url: z.string() });

/** API v3. @see https://pay.weixin.qq.com/doc/v3/merchant/4012365342 for what is signed */
export function wechatpay(credentials: unknown, pool: Pool): FloorProvider {
  const { appid, mchid, serial_no, private_key, public_key, base_url } = wechatSchema.parse(credentials);
  const ours = createPrivateKey(private_key);
  const theirs = createPublicKey(public_key);
  const path = `${new URL(base_url).pathname}/v3/pay/transactions/native`;
  const isSigned = (headers: NoticeHeaders, body: Buffer): boolean => {
    const head = `${headers['wechatpay-timestamp']}\n${headers['wechatpay-nonce']}\n`;
    const proof = Buffer.from(String(headers['wechatpay-signature']), 'base64');
    return verify('sha256', Buffer.concat([Buffer.from(head), body, Buffer.from('\n')]), theirs, proof);
  };

  return {
    async precreate({ id, amountFen, subject, notifyUrl }) {
      const body = JSON.stringify({
        ...{ appid, mchid, description: subject, out_trade_no: id, notify_url: notifyUrl },
        ...{ time_expire: `${china(LIFE_MS)}+08:00`, amount: { total: amountFen, currency: 'CNY' } },
      });
      const [nonce, timestamp] = [randomBytes(16).toString('hex'), Math.floor(Date.now() / 1_000)];
      const text = `POST\n${path}\n${timestamp}\n${nonce}\n${body}\n`;
      const signature = sign('sha256', Buffer.from(text), ours).toString('base64');
      const answer = await post(pool, path, body, {
        ...{ 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'floor' },
        authorization: `WECHATPAY2-SHA256-RSA2048 mchid="${mchid}",nonce_str="${nonce}",timestamp="${timestamp}",serial_no="${serial_no}",signature="${signature}"`,
      });
      if (!isSigned(answer.headers, Buffer.from(answer.body))) throw new Error('not signed');
      return nativeSchema.parse(JSON.parse(answer.body)).code_url;
    },
    // The content is encrypted on top of its signature; the floor counts the notice under its own id and leaves it sealed.
    readNotice(headers, body) {
      if (!isSigned(headers, body)) throw new Error('not signed');
      return z.object({ id: z.string() }).parse(JSON.parse(body.toString('utf8'))).id;
    },
  };
}

async function post(pool: Pool, path: string, body: string, headers: Record<string, string>) {
  const answer = await pool.request({ method: 'POST', path, headers, body });
  return { body: await answer.body.text(), headers: answer.headers };
}

function yuan(fen: number): string {
  return `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
}

function china(inMs: number): string {
  return new Date(Date.now() + inMs + CHINA_MS).toISOString().slice(0, 19);
}
