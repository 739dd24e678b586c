import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { err, ok } from '../payment/index.ts';
import { type AlertChannel, failureCode } from './channel.ts';
import { type AlertMessage, linesOf, titleOf } from './message.ts';
import type { PostJson } from './robot-post.ts';

/** Older robots answer with `StatusCode`. */
const answerSchema = z
  .object({ code: z.int().optional(), StatusCode: z.int().optional() })
  .transform(({ code, StatusCode }) => code ?? StatusCode);

/** Too many messages: the same one may be taken later. */
const PASSING_CODES: ReadonlySet<number> = new Set([9_499, 11_232]);

/**
 * A custom robot of a Feishu or Lark group with the security setting "signature verification".
 * @param robot  its webhook address and the signing secret
 * @see          https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
 */
export function feishuRobot(
  robot: { readonly url: string; readonly secret: string },
  ports: { readonly post: PostJson; readonly now: () => number },
): AlertChannel {
  return {
    async send(message, signal) {
      const timestampS = Math.floor(ports.now() / 1_000);
      const proof = { timestamp: String(timestampS), sign: feishuSign(timestampS, robot.secret) };
      const answer = await ports.post(robot.url, { ...proof, ...feishuBody(message) }, signal);
      if (!answer.ok) return answer;
      const code = answerSchema.safeParse(answer.value).data;
      if (code === undefined) return err({ code: 'answer_unknown', mayPass: false });
      return code === 0 ? ok(undefined) : err({ code: failureCode('code_', code), mayPass: PASSING_CODES.has(code) });
    },
  };
}

/** Time and secret are the key, and nothing is signed with it. Base64. */
export function feishuSign(timestampS: number, secret: string): string {
  return createHmac('sha256', `${timestampS}\n${secret}`).update('').digest('base64');
}

function feishuBody(message: AlertMessage) {
  const content = linesOf(message).map(({ label, text, href }) => [
    { tag: 'text', text: `${label}: ` },
    href === null ? { tag: 'text', text } : { tag: 'a', text, href },
  ]);
  return { msg_type: 'post', content: { post: { zh_cn: { title: titleOf(message), content } } } };
}
