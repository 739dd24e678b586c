import { agoText, moneyText, skewText, spanText } from './figures.ts';
import { isFullFor, limitProblems } from './limits.ts';
import type { AdminStatus, ChannelStatus, ConfigStatus, FailureStatus, GatewayStatus, Problem } from './model.ts';

/** As the alert rules have them (grafana/prometheus/rules). */
const AGENDA_LAG_S = 60;
const UNKNOWN_OLDEST_S = 600;
/** Below this share of technically good calls a channel is ill, although its breaker may still be closed. */
const TECHNICAL_RATIO_MIN = 0.9;
const SAMPLES_MIN = 5;
const EVENT_LOOP_P99_MS = 500;
/** A provider's clock is read off its answers, the slowest of which takes 20 s. */
const CLOCK_SKEW_MS = { server: 1_000, provider: 30_000 } as const;

type Looked = Omit<AdminStatus, 'problems'>;

/** What is wrong, in words for somebody who has just been woken: the worst first. */
export function problemsOf(
  status: Looked,
  { webhookOldestS }: { readonly webhookOldestS: number },
): readonly Problem[] {
  const problems = [
    ...storeProblems(status.gateway),
    ...methodProblems(status.channels),
    ...limitProblems(status.channels.filter(takesPayments), status.gateway.time),
    ...status.channels.flatMap((channel) => channelProblems(channel, status)),
    ...gatewayProblems(status.gateway, webhookOldestS),
    ...clockProblems(status.gateway),
    ...configProblems(status),
    ...status.channels.flatMap((channel) => balanceProblems(channel)),
  ];
  return problems.toSorted((a, b) => rank(a) - rank(b));
}

/** Channels that a new payment could go to instead, best score first. */
export function substitutesOf(ill: ChannelStatus, channels: readonly ChannelStatus[]): readonly string[] {
  return channels
    .filter((channel) => channel.channel !== ill.channel && takesPayments(channel))
    .filter(({ methods }) => methods.some((method) => ill.methods.includes(method)))
    .filter((one) => one.currencies.some((own) => ill.currencies.includes(own) && !isFullFor(one, own)))
    .toSorted((a, b) => b.score - a.score)
    .map(({ channel }) => channel);
}

/** Whether new payments may go to a channel, as far as its limits have room. */
export function takesPayments(channel: ChannelStatus): boolean {
  return isWanted(channel) && channel.breaker.create === 'closed';
}

/** Neither disabled nor draining nor in maintenance. */
function isWanted({ state, mode }: ChannelStatus): boolean {
  return state === mode;
}

function rank({ urgency }: Problem): number {
  return urgency === 'now' ? 0 : 1;
}

function now(text: string, runbook: string): Problem {
  return { urgency: 'now', text, runbook };
}

function soon(text: string, runbook: string): Problem {
  return { urgency: 'soon', text, runbook };
}

function storeProblems({ store }: GatewayStatus): readonly Problem[] {
  if (store.ok) return [];
  return [now(`The store does not answer (${store.reason}): no payment can be made or reported.`, 'StoreErrors')];
}

function methodProblems(channels: readonly ChannelStatus[]): readonly Problem[] {
  const wanted = channels.filter(isWanted);
  if (wanted.length === 0)
    return [now('No channel takes payments: all are disabled, drained or in maintenance.', 'AllChannelsOfMethodDown')];
  const methods = [...new Set(wanted.flatMap(({ methods: of }) => of))];
  const dead = methods.filter((method) => !wanted.some((one) => one.methods.includes(method) && takesPayments(one)));
  if (dead.length === 0) return [];
  if (dead.length === methods.length) {
    // Providers do not fail together.
    const us =
      new Set(wanted.map(({ provider }) => provider)).size > 1 ? ' All at once: look at our own network first.' : '';
    return [now(`No channel takes payments: shops get 503 for every new one.${us}`, 'AllChannelsOfMethodDown')];
  }
  return [now(`${dead.join(', ')}: no channel is left; shops get 503 for such payments.`, 'AllChannelsOfMethodDown')];
}

function channelProblems(channel: ChannelStatus, { channels, gateway }: Looked): readonly Problem[] {
  if (!channel.enabled) return [];
  const { create, ...duties } = channel.breakers;
  const downs: Problem[] = [];
  if (isWanted(channel) && create.state !== 'closed') {
    const others = substitutesOf(channel, channels);
    const instead =
      others.length === 0 ? 'no other channel takes its place' : `traffic goes to ${others.join(', then ')}`;
    const why = create.cause === null ? '' : `, ${causeText(create.cause)}`;
    const runbook = create.cause?.kind === 'AUTH_MISCONFIGURED' ? 'ChannelMisconfigured' : 'ChannelDown';
    const text = `${channel.channel}: down for ${agoText(create.since, gateway.time)}${why}; ${instead}.`;
    downs.push(now(text, runbook));
  } else if (isWanted(channel) && isIll(channel)) {
    const share = Math.round(channel.technical_ratio * 100);
    const last = channel.last_failure === null ? '' : `, last ${causeText(channel.last_failure)}`;
    downs.push(soon(`${channel.channel}: only ${share}% of its calls work${last}.`, 'ChannelSuccessRateLow'));
  }
  const blocked = Object.entries(duties).filter(([, { state }]) => state !== 'closed');
  const dutyProblems = blocked.map(([operation, { since, cause }]) => {
    const why = cause === null ? '' : `, ${causeText(cause)}`;
    const text = `${channel.channel}: ${operation} not answered for ${agoText(since, gateway.time)}${why}.`;
    return soon(text, 'ChannelDutiesBlocked');
  });
  return [...downs, ...dutyProblems];
}

function isIll({ technical_ratio, sample_size }: ChannelStatus): boolean {
  return technical_ratio < TECHNICAL_RATIO_MIN && sample_size >= SAMPLES_MIN;
}

/** Our words for the kinds that make a channel ill. */
const WORDS_BY_KIND: ReadonlyMap<string, string> = new Map([
  ['CHANNEL_UNAVAILABLE', 'not reachable'],
  ['CHANNEL_TIMEOUT_UNKNOWN', 'no readable answer'],
  ['AUTH_MISCONFIGURED', 'it refuses our keys or account'],
  ['RATE_LIMITED', 'too many requests for it'],
  ['INSUFFICIENT_BALANCE', 'our balance there is too low'],
]);

function causeText({ kind, code }: FailureStatus): string {
  const exact = code === null ? kind : `${kind}, ${code}`;
  const words = WORDS_BY_KIND.get(kind);
  return words === undefined ? exact : `${words} (${exact})`;
}

function balanceProblems({ channel, balance }: ChannelStatus): readonly Problem[] {
  return (balance ?? []).flatMap(({ currency, available_minor, threshold_minor }) => {
    if (threshold_minor === null || available_minor >= threshold_minor) return [];
    const text = `${channel}: only ${moneyText(available_minor, currency)} left; refunds will wait when it is empty.`;
    return [soon(text, 'ChannelBalanceLow')];
  });
}

function clockProblems({ clocks }: GatewayStatus): readonly Problem[] {
  const far = clocks.filter(({ kind, skew_ms }) => Math.abs(skew_ms) > CLOCK_SKEW_MS[kind]);
  if (far.length === 0) return [];
  const list = far.map((one) => `${skewText(one)} that of ${one.against}`).join(', ');
  const text = `The clock of this machine is ${list}: from five minutes on providers refuse our signatures, and we theirs. Have a time service set it.`;
  return [soon(text, 'ClockSkew')];
}

function configProblems({ config, gateway }: { readonly config?: ConfigStatus; readonly gateway: GatewayStatus }) {
  return [...refusalProblems(config, gateway), ...replicaProblems(config, gateway)];
}

function refusalProblems(config: ConfigStatus | undefined, { time }: GatewayStatus): readonly Problem[] {
  if (!config?.refused) return [];
  const { at, detail } = config.refused;
  const [first = '', ...others] = detail.split('\n');
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const text = `A changed configuration was refused ${agoText(at, time)} ago, so the one before it is in force: ${first}${more}.`;
  return [soon(text, 'ConfigReloadRefused')];
}

function replicaProblems(config: ConfigStatus | undefined, gateway: GatewayStatus): readonly Problem[] {
  const replicas = config?.replicas;
  if (!replicas?.differ_since) return [];
  const age = agoText(replicas.differ_since, gateway.time);
  const others = replicas.list.filter(({ digest }) => digest !== config?.digest).length;
  const text = `${others} of ${replicas.list.length} replicas run by another configuration than this one, for ${age}.`;
  return [soon(text, 'ConfigDiffers')];
}

function gatewayProblems(gateway: GatewayStatus, webhookOldestS: number): readonly Problem[] {
  const problems: Problem[] = [];
  const above = (value: number | null, limit: number): value is number => value !== null && value > limit;
  if (above(gateway.agenda_lag_seconds, AGENDA_LAG_S)) {
    const age = spanText(gateway.agenda_lag_seconds);
    problems.push(now(`Duties are ${age} late: paid orders become known late.`, 'AgendaLag'));
  }
  if (above(gateway.unknown_oldest_seconds, UNKNOWN_OLDEST_S)) {
    const age = spanText(gateway.unknown_oldest_seconds);
    problems.push(
      now(
        `An outcome has been unknown for ${age}: a buyer may have paid without getting anything.`,
        'UnknownOutcomesOld',
      ),
    );
  }
  if (above(gateway.webhook_oldest_seconds, webhookOldestS)) {
    const age = spanText(gateway.webhook_oldest_seconds);
    problems.push(
      now(`An event has waited for its shop for ${age}: buyers have paid and get nothing.`, 'WebhookEventsWaiting'),
    );
  }
  if (gateway.shared_state?.ok === false) {
    const age = agoText(gateway.shared_state.since, gateway.time);
    const text = `Redis has been away for ${age} (${gateway.shared_state.reason}): each replica counts by itself.`;
    problems.push(soon(text, 'SharedStateDown'));
  }
  if (gateway.event_loop_delay_ms.p99 > EVENT_LOOP_P99_MS) {
    const delay = Math.round(gateway.event_loop_delay_ms.p99);
    problems.push(soon(`The process is overloaded: it answers ${delay} ms late.`, 'AgendaLag'));
  }
  const counted = (count: number | null, text: (n: number) => string, runbook: string): void => {
    if (above(count, 0)) problems.push(soon(text(count), runbook));
  };
  counted(
    gateway.held,
    (n) => `The money of ${n} ${n === 1 ? 'payment' : 'payments'} waits for your decision.`,
    'MoneyHeld',
  );
  counted(
    gateway.paused_endpoints,
    (n) => `${n} ${n === 1 ? 'address of a shop is' : 'addresses of shops are'} paused: nothing is sent there.`,
    'WebhookEndpointPaused',
  );
  counted(
    gateway.dead_letters,
    (n) => `${n} ${n === 1 ? 'event was' : 'events were'} given up: its shop never heard of them.`,
    'WebhookDeadLetters',
  );
  counted(
    gateway.evidence_dropped,
    (n) => `The evidence log has a gap of ${n} entries since the start.`,
    'EvidenceDropped',
  );
  return problems;
}
