import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { AMOUNT_MINOR_MAX, err, isCurrency, ok, type Result } from '../../payment/index.ts';
import type { SandboxChannel } from './channel.ts';
import type { CallbackDelivery, Order } from './contract.ts';
import type { ControlRefusal, SandboxControl } from './control.ts';
import { faultsSchema } from './faults.ts';
import { answerJson, readBody } from './wire.ts';

const DELAY_MS_MAX = 24 * 3_600_000;
const providerRef = z.string().min(1).max(64);

const paySchema = z.strictObject({
  provider_ref: providerRef,
  amount: z.int().positive().optional(),
  callback: z
    .string()
    .transform((text, context): CallbackDelivery => {
      const delivery = parseDelivery(text);
      if (delivery !== null) return delivery;
      context.addIssue(`must be send, drop, duplicate or delay_ms:N with N up to ${DELAY_MS_MAX}`);
      return z.NEVER;
    })
    .optional(),
});
const failSchema = z.strictObject({ provider_ref: providerRef });
const refundsSchema = z.strictObject({
  refund_no: z.string().min(1).max(64),
  outcome: z.enum(['succeeded', 'failed']),
});
const balanceSchema = z.strictObject({
  currency: z.string().refine(isCurrency, 'is not a currency').optional(),
  amount: z.int().min(-AMOUNT_MINOR_MAX).max(AMOUNT_MINOR_MAX).nullable().optional(),
  granted: z.boolean().nullable().optional(),
});
const connectSchema = z.strictObject({
  public_url: z.url({ protocol: /^https?$/ }).max(2_048),
  /** A channel of this provider is added when the sandbox does not have it. */
  provider: z.string().min(1).max(40).optional(),
});
const ordersSchema = z.strictObject({ provider_ref: providerRef.optional() });

type Refusal = Omit<ControlRefusal, 'status'> & { readonly status: number; readonly errors?: readonly Problem[] };
type Problem = { readonly path: string; readonly message: string };
type Reply = Result<unknown, Refusal> | Promise<Result<unknown, Refusal>>;

export interface ControlHttpPorts {
  readonly control: SandboxControl;
  readonly channels: ReadonlyMap<string, SandboxChannel>;
  /** See `SandboxHost.add`. */
  readonly add: (channelId: string, providerId: string) => Promise<void>;
}

/** The control API of `api.md` over HTTP: strict JSON in, JSON out, every refusal with its reasons. */
export async function serveControl(
  incoming: IncomingMessage,
  response: ServerResponse,
  ports: ControlHttpPorts,
): Promise<void> {
  const body = await readBody(incoming);
  if (body === 'broken') return;
  const reply = body === 'too_large' ? refused(413, 'the body is too large') : await route(incoming, body, ports);
  if (reply.ok) return answerJson(response, 200, reply.value);
  answerJson(response, reply.error.status, { type: 'about:blank', title: 'refused', ...reply.error });
}

function route(incoming: IncomingMessage, body: Buffer, { control, channels, add }: ControlHttpPorts): Reply {
  const [path = '', search = ''] = (incoming.url ?? '').split('?', 2);
  const match = /^\/_control\/channels(?:\/([^/]+)\/([a-z]+))?$/.exec(path);
  if (match === null) return refused(404, 'no such control path');
  const [, channelId, action] = match;
  if (channelId === undefined || action === undefined) {
    if (incoming.method !== 'GET') return refused(405, 'GET only');
    return ok({ data: [...channels.values()].map(({ id, providerId }) => ({ id, provider: providerId })) });
  }
  if (`${incoming.method} ${action}` === 'POST connect') {
    return withJson(body, connectSchema, async ({ public_url, provider }) => {
      if (provider !== undefined) {
        const missed = await add(channelId, provider).catch((thrown: unknown) => thrown);
        if (missed instanceof Error) return refused(409, missed.message);
      }
      const known = channels.get(channelId);
      if (!known) return refused(404, `no channel ${channelId} in this sandbox`);
      known.connect(public_url);
      return ok({ base_url: known.baseUrl(), credentials: known.simulator.credentials() });
    });
  }
  const channel = channels.get(channelId);
  if (channel === undefined) return refused(404, `no channel ${channelId} in this sandbox`);
  switch (`${incoming.method} ${action}`) {
    case 'POST pay':
      return withJson(body, paySchema, async ({ provider_ref, amount, callback }) =>
        shown(
          await control.pay(channelId, {
            providerRef: provider_ref,
            ...(amount === undefined ? {} : { amountMinor: amount }),
            ...(callback === undefined ? {} : { delivery: callback }),
          }),
        ),
      );
    case 'POST fail':
      return withJson(body, failSchema, async ({ provider_ref }) =>
        shown(await control.fail(channelId, { providerRef: provider_ref })),
      );
    case 'POST refunds':
      return withJson(body, refundsSchema, async ({ refund_no, outcome }) =>
        shown(await control.settleRefund(channelId, { refundNo: refund_no, outcome })),
      );
    case 'POST faults':
      return withJson(body, faultsSchema, (patch) => control.faults(channelId, patch));
    case 'POST balance':
      return withJson(body, balanceSchema, ({ currency, amount, granted }) =>
        shownBalance(
          control.balance(channelId, {
            ...(currency === undefined ? {} : { currency }),
            ...(amount === undefined ? {} : { amountMinor: amount }),
            ...(granted === undefined ? {} : { granted }),
          }),
        ),
      );
    case 'GET balance':
      return shownBalance(control.balance(channelId));
    case 'GET faults':
      return control.faults(channelId);
    case 'GET orders':
      return withValue(Object.fromEntries(new URLSearchParams(search)), ordersSchema, (query) => {
        const orders = control.orders(channelId, query.provider_ref);
        return orders.ok ? ok({ data: orders.value.map(view) }) : orders;
      });
    default:
      return refused(404, 'no such control path');
  }
}

function withJson<T>(body: Buffer, schema: z.ZodType<T>, act: (value: T) => Reply): Reply {
  try {
    return withValue(JSON.parse(body.toString('utf8')), schema, act);
  } catch (error) {
    if (error instanceof SyntaxError) return refused(400, 'the body is not JSON');
    throw error;
  }
}

function withValue<T>(value: unknown, schema: z.ZodType<T>, act: (value: T) => Reply): Reply {
  const parsed = schema.safeParse(value);
  if (parsed.success) return act(parsed.data);
  const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  return err({ status: 400, detail: 'the request is not valid', errors });
}

function parseDelivery(text: string): CallbackDelivery | null {
  if (text === 'send' || text === 'drop' || text === 'duplicate') return { mode: text };
  const delayMs = Number(/^delay_ms:(\d{1,9})$/.exec(text)?.[1] ?? Number.NaN);
  return delayMs <= DELAY_MS_MAX ? { mode: 'delay', delayMs } : null;
}

function shownBalance(result: Result<ReadonlyMap<string, number>, ControlRefusal>): Result<unknown, ControlRefusal> {
  return result.ok ? ok({ data: [...result.value].map(([currency, amount]) => ({ currency, amount })) }) : result;
}

function shown(result: Result<Order, ControlRefusal>): Result<unknown, ControlRefusal> {
  return result.ok ? ok(view(result.value)) : result;
}

/** An order as `api.md` shows it; the fields after `callbacks_acked` are additions. */
function view(order: Order): Record<string, unknown> {
  return {
    provider_ref: order.providerRef,
    amount: order.amountMinor,
    currency: order.currency,
    status: order.status,
    refunds: order.refunds.map(({ refundNo, amountMinor, status }) => ({
      refund_no: refundNo,
      amount: amountMinor,
      status,
    })),
    callbacks_sent: order.callbacksSent,
    callbacks_acked: order.callbacksAcked,
    visible: order.visible,
    trade_no: order.tradeNo,
    paid_amount: order.paidAmountMinor,
    paid_at: time(order.paidAt),
    created_at: time(order.createdAt),
    expires_at: time(order.expiresAt),
  };
}

function time(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}

function refused(status: number, detail: string): Result<never, Refusal> {
  return err({ status, detail });
}
