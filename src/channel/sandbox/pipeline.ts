import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxChannel } from './channel.ts';
import type { Faults, WireAnswer, WireRequest } from './contract.ts';
import { strikes } from './faults.ts';
import { pause } from './pause.ts';
import { answerHalf, answerWith, badGateway, drip, readBody, reset, toWireRequest } from './wire.ts';

/** A client that is never answered is let go after this, so that nothing hangs for ever. */
const SILENCE_MS_MAX = 120_000;

export interface PipelinePorts {
  readonly random: () => number;
  readonly closing: AbortSignal;
  /** The buyer pays without being asked, and the callback sets out. */
  readonly payByItself: (channel: SandboxChannel, providerRef: string) => Promise<void>;
}

/** One request to a provider: to its simulator, with whatever the channel's faults spoil on the way there and back. */
export async function serveProvider(
  channel: SandboxChannel,
  incoming: IncomingMessage,
  response: ServerResponse,
  ports: PipelinePorts,
): Promise<void> {
  const { simulator } = channel;
  const faults = channel.faults();
  if (faults.outage) return hangUp(incoming);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const over = AbortSignal.any([gone.signal, ports.closing]);
  const body = await readBody(incoming);
  if (body === 'broken') return;
  if (body === 'too_large') return answerWith(response, { status: 413, headers: { connection: 'close' }, body: '' });
  const request = toWireRequest(incoming, body);
  if (faults.latency_ms > 0 && (await pause(faults.latency_ms, over)) === 'aborted') return;

  const isPage = simulator.isBuyerPage?.(request) ?? false;
  if (!isPage && faults.answer === 'reset_before') return reset(incoming);
  if (!isPage && strikes(faults.error_rate, ports.random))
    return answerWith(response, simulator.internalError(request));

  const { result: answer, made } = await channel.books.watch(() => simulator.handle(request));
  if (faults.callback_before_answer) await payAndCallBack(channel, made, ports);
  if (!isPage && strikes(silenceRate(channel, request), ports.random)) {
    await pause(SILENCE_MS_MAX, over);
    return hangUp(incoming);
  }
  if (isPage) answerWith(response, answer);
  else await answerSpoilt(faults.answer, incoming, response, answer, over);

  // A buyer can pay only what the gateway could hand out: an answer that it has got and can believe.
  if (faults.answer !== 'normal' || gone.signal.aborted) return;
  for (const providerRef of made) {
    if (strikes(faults.pay_through, ports.random)) await ports.payByItself(channel, providerRef);
  }
}

/** How often the answer to this request never comes, though its work is done. */
function silenceRate({ simulator, faults }: SandboxChannel, request: WireRequest): number {
  if (simulator.isCreate(request)) return faults().timeout_after_create_rate;
  if (simulator.isCapture?.(request)) return faults().timeout_after_capture_rate;
  return simulator.isRefund?.(request) ? faults().timeout_after_refund_rate : 0;
}

async function payAndCallBack(channel: SandboxChannel, made: readonly string[], ports: PipelinePorts): Promise<void> {
  for (const providerRef of made) {
    await ports.payByItself(channel, providerRef);
    await channel.courier.triedOnce(providerRef);
  }
}

async function answerSpoilt(
  how: Faults['answer'],
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: WireAnswer,
  over: AbortSignal,
): Promise<void> {
  if (response.destroyed) return;
  switch (how) {
    case 'reset_after':
      return reset(incoming);
    case 'html_502':
      return answerWith(response, badGateway());
    case 'truncated':
      return answerHalf(response, answer);
    case 'slow_body':
      return drip(response, answer, over, SILENCE_MS_MAX);
    default:
      return answerWith(response, answer);
  }
}

function hangUp(incoming: IncomingMessage): void {
  incoming.socket.destroy();
}
