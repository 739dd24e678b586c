import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AliyunSmsSettings } from '../../src/alerts/index.ts';

export const KEY_ID = 'LTAI5tExampleKeyId99';
export const KEY_SECRET = 'hW3kExampleOfASecret7Qz';
const SIGN_NAME = '闪付';
const TEMPLATE = 'SMS_468990123';
const CLOCK_SKEW_MS = 15 * 60_000;
const VARIABLE_CHARS_MAX = 35;

export interface ShortMessage {
  readonly phone: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Aliyun's SMS service, on this machine: verifies ACS3-HMAC-SHA256 and the template's rules. */
export interface FakeAliyun {
  readonly settings: AliyunSmsSettings;
  readonly taken: ShortMessage[];
  requests(): number;
  /** Answers of the next requests, one each: a code of theirs with its HTTP status, or silence. */
  readonly troubles: ({ readonly code: string; readonly status?: number } | 'hang')[];
  close(): Promise<void>;
}

export async function openAliyun(): Promise<FakeAliyun> {
  const taken: ShortMessage[] = [];
  const troubles: FakeAliyun['troubles'] = [];
  const nonces = new Set<string>();
  let requests = 0;

  function judge(request: IncomingMessage, body: Buffer): { code: string; status: number } {
    const trouble = troubles.shift();
    if (typeof trouble === 'object') return { status: 200, ...trouble };
    const { headers } = request;
    const url = new URL(request.url ?? '', 'http://aliyun');
    if (!isSigned(request, url, body)) return { code: 'SignatureDoesNotMatch', status: 400 };
    const nonce = String(headers['x-acs-signature-nonce']);
    if (nonces.has(nonce)) return { code: 'SignatureNonceUsed', status: 400 };
    nonces.add(nonce);
    const skewMs = Math.abs(Date.now() - Date.parse(String(headers['x-acs-date'])));
    if (!(skewMs < CLOCK_SKEW_MS)) return { code: 'InvalidTimeStamp.Expired', status: 400 };
    if (headers['x-acs-action'] !== 'SendSms' || headers['x-acs-version'] !== '2017-05-25') {
      return { code: 'InvalidAction.NotFound', status: 404 };
    }
    return sent(url.searchParams);
  }

  function sent(query: URLSearchParams): { code: string; status: number } {
    const said = (code: string) => ({ code, status: 200 });
    if (query.get('SignName') !== SIGN_NAME) return said('isv.SMS_SIGNATURE_ILLEGAL');
    if (query.get('TemplateCode') !== TEMPLATE) return said('isv.SMS_TEMPLATE_ILLEGAL');
    const params = JSON.parse(query.get('TemplateParam') ?? '{}') as Record<string, string>;
    const values = Object.values(params);
    if (values.some((value) => value === '')) return said('isv.TEMPLATE_PARAMS_ILLEGAL');
    if (values.some((value) => [...value].length > VARIABLE_CHARS_MAX)) return said('isv.PARAM_LENGTH_LIMIT');
    if (values.some((value) => value.includes('://'))) return said('isv.PARAM_NOT_SUPPORT_URL');
    taken.push({ phone: query.get('PhoneNumbers') ?? '', params });
    return said('OK');
  }

  const server = createServer((request, response) => {
    requests += 1;
    if (troubles[0] === 'hang') {
      troubles.shift();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { code, status } = judge(request, Buffer.concat(chunks));
      const answer = { Code: code, Message: code, RequestId: 'F655A8D5-B967-440B-8683-DAD6FF8DE990' };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    settings: {
      accessKeyId: KEY_ID,
      accessKeySecret: KEY_SECRET,
      signName: SIGN_NAME,
      templateCode: TEMPLATE,
      templateParams: { state: 'state', alert: 'alert', summary: 'summary', more: 'summary_more', since: 'since' },
      variableCharsMax: VARIABLE_CHARS_MAX,
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    ...{ taken, troubles },
    requests: () => requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @see https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature */
function isSigned(request: IncomingMessage, url: URL, body: Buffer): boolean {
  const given = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? '',
  );
  const [, keyId, names = '', signature] = given ?? [];
  const signed = names.split(';');
  const hash = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
  const mustBeSigned = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-acs-'))];
  if (keyId !== KEY_ID || mustBeSigned.some((name) => !signed.includes(name))) return false;
  if (request.headers['x-acs-content-sha256'] !== hash(body)) return false;
  const encoded = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const headers = signed.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('');
  const canonical = [request.method, url.pathname, query.join('&'), headers, names, hash(body)].join('\n');
  const expected = createHmac('sha256', KEY_SECRET)
    .update(`ACS3-HMAC-SHA256\n${hash(canonical)}`)
    .digest('hex');
  return expected === signature;
}
