import { createPrivateKey, sign } from 'node:crypto';
import type { SandboxHost } from '../../../src/channel/sandbox/index.ts';
import type { Stage } from './stage.ts';

/** What the simulator's credentials hold, as far as a plain client needs it. */
export interface Credentials {
  readonly appid: string;
  readonly mchid: string;
  readonly serial_no: string;
  readonly private_key: string;
  readonly base_url: string;
}

/** One request. */
export interface Wire {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly json?: unknown;
  /** The path that is signed, when it is not the one that is sent. */
  readonly signedPath?: string;
  readonly at?: number;
  readonly serial?: string;
  readonly nonce?: string;
  readonly headers?: Record<string, string>;
  readonly authorization?: (parts: readonly string[]) => string;
}

/** A client written from the documentation, independent of the adapter. */
export async function ask(stage: Stage, wire: Wire) {
  const { mchid, serial_no, private_key, base_url } = credentialsOf(stage);
  const target = new URL(base_url).pathname + wire.path;
  const body = wire.json === undefined ? '' : JSON.stringify(wire.json);
  const timestamp = String(Math.floor((wire.at ?? Date.now()) / 1000));
  const nonce = wire.nonce ?? 'A1b2C3d4E5f6';
  const text = `${wire.method}\n${wire.signedPath ?? target}\n${timestamp}\n${nonce}\n${body}\n`;
  const signature = sign('RSA-SHA256', Buffer.from(text), createPrivateKey(private_key)).toString('base64');
  const parts = [
    `mchid="${mchid}"`,
    `nonce_str="${nonce}"`,
    `timestamp="${timestamp}"`,
    `serial_no="${wire.serial ?? serial_no}"`,
    `signature="${signature}"`,
  ];
  const authorization = wire.authorization?.(parts) ?? `WECHATPAY2-SHA256-RSA2048 ${parts.join(',')}`;
  const answer = await fetch(stage.host.url + target, {
    method: wire.method,
    headers: {
      accept: 'application/json',
      'user-agent': 'test',
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...(authorization === '' ? {} : { authorization }),
      ...wire.headers,
    },
    ...(body === '' ? {} : { body }),
  });
  const received = await answer.text();
  return { status: answer.status, json: received === '' ? null : JSON.parse(received), headers: answer.headers };
}

export function credentialsOf({ host }: { readonly host: SandboxHost }): Credentials {
  return host.credentials('wechatpay-main') as Credentials;
}
