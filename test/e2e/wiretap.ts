import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One exchange as it passed: names of headers in lower case, bodies as text. */
export interface Exchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly answer: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

export interface Wiretap {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  close(): Promise<void>;
}

/** Stands between two parts that speak HTTP, passes everything on and keeps it. `rewrite` may change the body of an answer. */
export async function openWiretap(options: {
  readonly to: () => string;
  readonly rewrite?: (answer: { target: string; body: string; tapUrl: string }) => string;
}): Promise<Wiretap> {
  const exchanges: Exchange[] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await readAll(incoming);
      const { method = 'GET', url: target = '/', headers } = incoming;
      const answer = await passOn(`${options.to()}${target}`, method, headers, body);
      if (answer === null) {
        outgoing.destroy();
        return;
      }
      const text = options.rewrite?.({ target, body: answer.body.toString('utf8'), tapUrl: url }) ?? answer.body;
      const { 'content-length': _length, 'transfer-encoding': _coding, ...kept } = answer.headers;
      exchanges.push({
        ...{ method, target, headers: flat(headers), body: body.toString('utf8') },
        answer: { headers: flat(kept), body: text.toString() },
      });
      outgoing.writeHead(answer.status, kept).end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    exchanges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Null when the other side hung up. */
function passOn(url: string, method: string, headers: Headers, body: Buffer) {
  type Answer = { readonly status: number; readonly headers: Headers; readonly body: Buffer };
  return new Promise<Answer | null>((resolve) => {
    const sending = request(url, { method, headers, agent: false }, (response) => {
      readAll(response).then(
        (read) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: read }),
        () => resolve(null),
      );
    });
    sending.on('error', () => resolve(null));
    sending.end(body);
  });
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function flat(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value ?? '')]));
}
