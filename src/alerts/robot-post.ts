import { Agent, request } from 'undici';
import { err, ok, type Result } from '../payment/index.ts';
import { type SendFailure, thrownFailure } from './channel.ts';

/** Robots answer with a small JSON object. */
const ANSWER_BYTES_MAX = 4_096;
const HEADER_BYTES_MAX = 16_384;

/** Posts JSON and answers the JSON of a 2xx. No redirect is followed; no failure holds the address, since a token is in it. */
export type PostJson = (url: string, body: unknown, signal: AbortSignal) => Promise<Result<unknown, SendFailure>>;

export function createPoster(): { readonly post: PostJson; close(): Promise<void> } {
  const dispatcher = new Agent({ keepAliveTimeout: 10_000, connections: 4, maxHeaderSize: HEADER_BYTES_MAX });
  const post: PostJson = async (url, body, signal) => {
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'switchyard-alerts/1' },
        body: JSON.stringify(body),
        dispatcher,
        signal,
      });
      const text = await readStart(answer.body);
      const { statusCode } = answer;
      if (statusCode < 200 || statusCode > 299) {
        return err({ code: `http_${statusCode}`, mayPass: statusCode >= 500 || statusCode === 429 });
      }
      return text === null ? err({ code: 'answer_too_long', mayPass: false }) : parsed(text);
    } catch (thrown) {
      return err(thrownFailure(thrown, signal));
    }
  };
  return { post, close: () => dispatcher.destroy() };
}

function parsed(text: string): Result<unknown, SendFailure> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return err({ code: 'answer_not_json', mayPass: false });
  }
}

/** Null when there is more than anybody has to say. */
async function readStart(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    parts.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      body.destroy();
      return null;
    }
  }
  return Buffer.concat(parts).toString('utf8');
}
