import { z } from 'zod';
import type { NoticeBoard } from './ephemeral/index.ts';
import { readNote } from './replica-note.ts';
import { leadClass, type RoutingNews, routingNewsSchema } from './routing/index.ts';

const EVERY_MS = 250;
/** News of breakers do not wait for the next round. */
const URGENT_MS = 20;
const ALIVE_EVERY_MS = 1_000;
const GONE_AFTER_MS = 10_000;
const NEWS_PER_NOTE = 500;
const WAITING_MAX = 20_000;
/** An order is told as paid once every replica has surely heard that it was opened. */
const PAID_AFTER_MS = 1_000;
const REPLICAS_MAX = 1_000;

const noteSchema = z.strictObject({
  v: z.literal(1),
  from: z.string().min(1).max(100),
  seq: z.int().min(0),
  // What a newer version tells besides is passed over.
  news: z.array(routingNewsSchema.or(z.unknown().transform(() => null))).max(NEWS_PER_NOTE),
});

type WantedNews = Extract<RoutingNews, { kind: 'wanted' }>;

export interface RoutingSync {
  /** Takes news for the others; true when it will be applied here later, with the others. */
  tell(news: RoutingNews): boolean;
  /** How many other replicas are heard of. */
  others(): number;
  start(): void;
  stop(): Promise<void>;
}

/**
 * Carries what replicas tell each other, in one exchange with the board every quarter of a second whatever the traffic. A note that may be
 * up already is put up again as it is, and known by its number. While the board is away news wait, the oldest giving way.
 */
export function createRoutingSync(parts: {
  readonly board: NoticeBoard;
  readonly id: string;
  readonly now: () => number;
  readonly apply: (news: RoutingNews, now: number) => void;
  readonly standing: () => readonly RoutingNews[];
}): RoutingSync {
  const { board, id, now, apply, standing } = parts;
  const heard = new Map<string, { seq: number; at: number }>();
  let waiting: RoutingNews[] = [];
  /** Of what waits: what payments want alike, as one sum that grows until it is told. */
  const growing = new Map<string, WantedNews>();
  let note: { readonly text: string; readonly own: readonly RoutingNews[] } | null = null;
  let seq = 0;
  let putUpAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let urgent = false;
  let stopped = true;

  function tell(news: RoutingNews): boolean {
    const later = isOrder(news) && heard.size > 0;
    // What is applied at once, alone, would be applied again by its own note.
    if (isOrder(news) && !later) return false;
    if (news.kind === 'wanted') addWanted(news);
    else wait(news);
    if (!canWait(news)) hurry();
    return later;
  }

  function wait(news: RoutingNews): void {
    if (waiting.length >= WAITING_MAX) {
      waiting.splice(0, WAITING_MAX / 10);
      growing.clear();
    }
    waiting.push(news);
  }

  function addWanted(news: WantedNews): void {
    const { channelId, currency, minor, lead } = news;
    const key = `${channelId}/${currency}/${lead === null ? 'tiers' : leadClass(lead)}`;
    const sum = growing.get(key);
    if (sum) {
      sum.minor += minor;
      return;
    }
    const begun = { ...news };
    wait(begun);
    growing.set(key, begun);
  }

  function hurry(): void {
    if (urgent || stopped) return;
    urgent = true;
    schedule(URGENT_MS);
  }

  function schedule(afterMs: number): void {
    clearTimeout(timer);
    if (stopped || running) return;
    timer = setTimeout(() => void round(), afterMs);
    timer.unref();
  }

  async function round(): Promise<void> {
    urgent = false;
    running = exchange().catch(() => {}); // The link tells when Redis is away.
    await running;
    running = null;
    schedule(urgent ? URGENT_MS : EVERY_MS);
  }

  async function exchange(): Promise<void> {
    note ??= nextNote();
    const notes = await board.exchange(note?.text ?? null);
    const put = note;
    note = null;
    if (put) putUpAt = now();
    for (const news of put?.own ?? []) if (isOrder(news)) apply(news, now());
    for (const text of notes) read(text);
    for (const [from, { at }] of heard) if (now() - at > GONE_AFTER_MS) heard.delete(from);
  }

  function nextNote(): typeof note {
    const isRipe = (news: RoutingNews): boolean => news.kind !== 'paid' || now() - news.at >= PAID_AFTER_MS;
    const own = waiting.filter(isRipe).slice(0, NEWS_PER_NOTE);
    if (own.length === 0 && now() - putUpAt < ALIVE_EVERY_MS) return null;
    const taken = new Set(own);
    waiting = waiting.filter((news) => !taken.has(news));
    growing.clear();
    seq += 1;
    return { own, text: JSON.stringify({ v: 1, from: id, seq, news: own }) };
  }

  function read(text: string): void {
    const heardNote = readNote(noteSchema, id, text);
    if (heardNote === null) return;
    const { from, seq: number, news } = heardNote;
    const known = heard.get(from);
    if (known && number <= known.seq) return;
    if (!known && heard.size >= REPLICAS_MAX) return;
    heard.set(from, { seq: number, at: now() });
    if (!known) waiting.push(...standing());
    for (const one of news) if (one !== null) apply(one, now());
  }

  return {
    tell,
    others: () => heard.size,
    start: () => {
      stopped = false;
      void round();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      await exchange().catch(() => {});
    },
  };
}

function canWait(news: RoutingNews): boolean {
  return news.kind === 'call' || news.kind === 'wanted' || isOrder(news);
}

function isOrder(news: RoutingNews): boolean {
  return news.kind === 'opened' || news.kind === 'paid';
}
