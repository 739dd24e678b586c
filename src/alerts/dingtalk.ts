import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { err, ok } from '../payment/index.ts';
import { type AlertChannel, failureCode } from './channel.ts';
import { type AlertMessage, linesOf, titleOf } from './message.ts';
import type { PostJson } from './robot-post.ts';

const answerSchema = z.object({ errcode: z.int() });

/** Busy, and too many messages in a minute: the same message may be taken later. */
const PASSING_CODES: ReadonlySet<number> = new Set([-1, 130_101]);

/**
 * A robot of a DingTalk group with the security setting "sign".
 * @param robot  its webhook address with `access_token`, and the secret that begins with `SEC`
 * @see          https://open.dingtalk.com/document/robots/customize-robot-security-settings
 */
export function dingtalkRobot(
  robot: { readonly url: string; readonly secret: string },
  ports: { readonly post: PostJson; readonly now: () => number },
): AlertChannel {
  return {
    async send(message, signal) {
      const url = new URL(robot.url);
      const timestampMs = ports.now();
      url.searchParams.set('timestamp', String(timestampMs));
      url.searchParams.set('sign', dingtalkSign(timestampMs, robot.secret));
      const answer = await ports.post(url.href, dingtalkBody(message), signal);
      if (!answer.ok) return answer;
      const { data } = answerSchema.safeParse(answer.value);
      if (data === undefined) return err({ code: 'answer_unknown', mayPass: false });
      if (data.errcode === 0) return ok(undefined);
      return err({ code: failureCode('errcode_', data.errcode), mayPass: PASSING_CODES.has(data.errcode) });
    },
  };
}

/** Base64, before it is encoded for a URL. */
export function dingtalkSign(timestampMs: number, secret: string): string {
  return createHmac('sha256', secret).update(`${timestampMs}\n${secret}`).digest('base64');
}

function dingtalkBody(message: AlertMessage) {
  const title = titleOf(message);
  const lines = linesOf(message).map(
    ({ label, text, href }) => `**${label}:** ${href === null ? text : `[${text}](${href})`}`,
  );
  // Lines of their Markdown end only at an empty one.
  return { msgtype: 'markdown', markdown: { title, text: [`### ${title}`, ...lines].join('\n\n') } };
}
