import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply, type Payment } from '../../src/payment/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { type Gateway, openTheatre, type Program, type Theatre } from '../e2e/program.ts';
import { openShop, type Shop } from '../e2e/shop.ts';
import { call, eventually } from '../e2e/stage.ts';
import { owe } from '../gateway/owed-events.ts';

const SLOW_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let theatre: Theatre;
let shop: Shop;
let gateway: Gateway;
let dead: Payment[];
let waiting: Payment;
/** A gateway that comes up with events that were given up, and with an address that has been paused for a day. */
beforeAll(async () => {
  theatre = await openTheatre();
  shop = await openShop();
  const now = Date.now();
  const store = openSqliteStore({ path: join(theatre.dataDir, 'switchyard.db') });
  dead = [];
  for (let i = 0; i < 3; i += 1) {
    const owed = await owe(store, { notifyUrl: shop.url, at: now - 10 * DAY_MS + i * HOUR_MS });
    const eventId = owed.events[0]?.id ?? '';
    const given = apply(owed, { type: 'event_sent', eventId, tryNo: 1, delivered: false }, now - 6 * DAY_MS);
    if (given.outcome !== 'applied') throw new Error(given.reason);
    await store.update({ ...given.payment, version: 2 });
    dead.push(given.payment);
  }
  waiting = await owe(store, { notifyUrl: `${shop.url}/paused?order=1`, at: now - HOUR_MS });
  const entry = { merchantId: 'm_demo', failingSince: now - 2 * DAY_MS, reason: 'ECONNREFUSED' };
  await store.saveFailingEndpoint({ ...entry, endpoint: `${shop.url}/paused`, pausedAt: now - DAY_MS - HOUR_MS / 2 });
  await store.saveFailingEndpoint({ ...entry, endpoint: 'https://other.example/notify', pausedAt: null });
  await store.close();
  shop.answerWith({ status: 503 });
  gateway = await theatre.start();
}, SLOW_MS);
afterAll(async () => {
  await theatre.close();
  await shop.close();
});

const PORTS = () => ({ ADMIN_PORT: gateway.place.ADMIN_PORT ?? '' });
const run = (...args: string[]) => theatre.run(args, PORTS());
const idOf = (payment: Payment | undefined) => payment?.events[0]?.id ?? '';
const timesSent = (payment: Payment | undefined) => shop.events.filter(({ id }) => id === idOf(payment)).length;

async function success(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
  expect(program.stderr()).toBe('');
  return program.stdout();
}

async function refusal(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 1, signal: null });
  expect(program.stdout()).toBe('');
  return program.stderr();
}

describe('webhooks', { timeout: SLOW_MS }, () => {
  test('lists the addresses that fail, as the status and the metrics do', async () => {
    const [heading = '', ...rows] = (await success(run('webhooks'))).trimEnd().split('\n');
    expect(heading.split(/ {2,}/)).toEqual(['MERCHANT', 'STATE', 'SINCE', 'NEXT TRIAL', 'REASON', 'ENDPOINT']);
    expect(rows.map((row) => row.split(/ {2,}/).filter((_, i) => [0, 1, 5].includes(i)))).toEqual([
      ['m_demo', 'paused', `${shop.url}/paused`],
      ['m_demo', 'failing', 'https://other.example/notify'],
    ]);
    const { body } = await call('GET', `${gateway.adminUrl}/admin/status`);
    expect(body.webhooks.failing).toHaveLength(2);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('switchyard_webhook_endpoints_paused 1\n');
    expect(metrics).toContain('switchyard_webhook_dead 3\n');
  });

  test('resume ends the pause of an address, and what waits goes out', async () => {
    await eventually(() => timesSent(waiting) === 1);
    const wrong = await refusal(run('webhooks', 'resume', 'm_demo', `${shop.url}/nothing`));
    expect(wrong).toBe('No such address of this merchant is paused.\n');
    shop.answerWith({ status: 200 });
    expect(await success(run('webhooks', 'resume', 'm_demo', `${shop.url}/paused`))).toBe(
      '1 resumed; what waits goes out now\n',
    );
    expect(await success(run('webhooks'))).not.toContain('/paused');
    await eventually(() => timesSent(waiting) === 2, 30_000);
  });
});

describe('events', { timeout: SLOW_MS }, () => {
  test('dead lists what was given up', async () => {
    const [heading = '', ...rows] = (await success(run('events', 'dead'))).trimEnd().split('\n');
    expect(heading.split(/ {2,}/)).toEqual(['EVENT', 'MERCHANT', 'TYPE', 'OF', 'GIVEN UP', 'TRIES']);
    expect(rows.map((row) => row.split(/ {2,}/)[0])).toEqual(dead.map(idOf));
    expect(rows[0]?.split(/ {2,}/).at(-1)).toBe('1');
    expect(await success(run('events', 'dead', '--merchant', 'm_other'))).toBe('no event was given up\n');
    const { body } = await gateway.api('GET', '/v1/events?state=dead');
    expect(body.data.map((event: { id: string }) => event.id)).toEqual(dead.map(idOf));
    expect(body.data[0].delivery).toMatchObject({ state: 'dead', tries: 1, at: expect.any(String) });
  });

  test('redeliver sends one event again, or all that were given up', async () => {
    shop.answerWith({ status: 200 });
    const [first, second, third] = dead;
    expect(await success(run('events', 'redeliver', idOf(first)))).toBe(`${idOf(first)} is sent again now\n`);
    await eventually(() => timesSent(first) === 1);
    expect(await success(run('events', 'redeliver', '--dead'))).toBe('2 events are sent again now\n');
    await eventually(() => timesSent(second) === 1 && timesSent(third) === 1);
    expect(await success(run('events', 'dead'))).toBe('no event was given up\n');
  });

  test('redeliver says what it needs', async () => {
    expect(await refusal(run('events', 'redeliver'))).toContain('--dead');
    expect(await refusal(run('events', 'redeliver', 'evt_1', '--dead'))).toContain('--dead');
    expect(await refusal(run('events', 'redeliver', 'evt_1'))).toBe('No such event of this merchant.\n');
    expect(await refusal(run('events', 'redeliver', 'evt_1', '--merchant', 'm_demo'))).toContain('--merchant');
  });

  test('without a gateway says where it looked and what to do', async () => {
    expect(await refusal(theatre.run(['events', 'dead'], { ADMIN_PORT: '9' }))).toMatch(
      /^no gateway answers at http:\/\/127\.0\.0\.1:9\/admin\/events\S+; start it, or set ADMIN_PORT/,
    );
  });
});
