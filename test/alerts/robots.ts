import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const DINGTALK_SECRET = 'SECe2f4a6b8c0d1937f5a7b9c1d3e5f7a9b';
export const FEISHU_SECRET = 'q8Zr2LxW5mVtB0nKcYh3Jd';
const TOKEN = '9b781aec3378947947e0ed1c';
const HOUR_MS = 3_600_000;

/** How a robot misbehaves with the next requests, one each; then it is well again. */
export type Trouble =
  | { readonly answer: unknown; readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
  | 'hang'
  | 'hang up';

/** A robot of a group, on this machine: checks what the provider checks, and remembers what it took. */
export interface FakeRobot {
  readonly url: string;
  /** Titles of the messages that it took, in order. */
  titles(): readonly string[];
  /** The same messages as they came. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages freely
  readonly messages: any[];
  /** Requests of any kind. */
  requests(): number;
  readonly troubles: Trouble[];
  close(): Promise<void>;
}

type Judge = (url: URL, body: Record<string, unknown>) => { readonly answer: object; readonly taken: boolean };

export function openDingtalk(now: () => number = Date.now): Promise<FakeRobot> {
  return openRobot(
    `/robot/send?access_token=${TOKEN}`,
    (message) => message.markdown.title,
    (url, body) => {
      const timestamp = url.searchParams.get('timestamp') ?? '';
      const isSigned = equal(
        createHmac('sha256', DINGTALK_SECRET).update(`${timestamp}\n${DINGTALK_SECRET}`).digest('base64'),
        url.searchParams.get('sign'),
      );
      if (url.searchParams.get('access_token') !== TOKEN)
        return refused({ errcode: 300001, errmsg: 'token is not exist' });
      if (!isSigned) return refused({ errcode: 310000, errmsg: 'sign not match' });
      if (Math.abs(now() - Number(timestamp)) > HOUR_MS) return refused({ errcode: 310000, errmsg: 'timestamp' });
      const markdown = body.markdown as { title?: unknown; text?: unknown } | undefined;
      if (body.msgtype !== 'markdown' || typeof markdown?.title !== 'string' || typeof markdown.text !== 'string') {
        return refused({ errcode: 400402, errmsg: 'miss param' });
      }
      return { answer: { errcode: 0, errmsg: 'ok' }, taken: true };
    },
  );
}

export function openFeishu(now: () => number = Date.now): Promise<FakeRobot> {
  return openRobot(
    `/open-apis/bot/v2/hook/${TOKEN}`,
    (message) => message.content.post.zh_cn.title,
    (_, body) => {
      const { timestamp, sign, content } = body;
      const isSigned = equal(
        createHmac('sha256', `${timestamp}\n${FEISHU_SECRET}`).update(Buffer.alloc(0)).digest('base64'),
        sign,
      );
      if (!isSigned || Math.abs(now() / 1_000 - Number(timestamp)) > 3_600) {
        return refused({ code: 19021, data: {}, msg: 'sign match fail or timestamp is not within one hour' });
      }
      const post = (content as { post?: { zh_cn?: { content?: unknown } } } | undefined)?.post?.zh_cn;
      if (body.msg_type !== 'post' || !Array.isArray(post?.content)) return refused({ code: 9499, msg: 'Bad Request' });
      return { answer: { code: 0, data: {}, msg: 'success', StatusCode: 0, StatusMessage: 'success' }, taken: true };
    },
  );
}

function refused(answer: object) {
  return { answer, taken: false };
}

function equal(expected: string, given: unknown): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(String(given));
  return a.length === b.length && timingSafeEqual(a, b);
}

async function openRobot(
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: a message that has been judged
  titleOf: (message: any) => string,
  judge: Judge,
): Promise<FakeRobot> {
  const messages: unknown[] = [];
  const troubles: Trouble[] = [];
  let requests = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    const trouble = troubles.shift();
    if (trouble === 'hang') return;
    if (trouble === 'hang up') {
      request.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (trouble) {
      response.writeHead(trouble.status ?? 200, { 'content-type': 'application/json', ...trouble.headers });
      response.end(typeof trouble.answer === 'string' ? trouble.answer : JSON.stringify(trouble.answer));
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const { answer, taken } = judge(new URL(request.url ?? '', 'http://robot'), body);
    if (taken) messages.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    titles: () => messages.map(titleOf),
    messages,
    requests: () => requests,
    troubles,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
