import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RawCallback } from '../../../src/channel/index.ts';
import { aCallback, anEvent, SECRET, sign, T, VECTOR_BODY, VECTOR_V1 } from './events.ts';
import { openStage, patience, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const parse = (raw: RawCallback) => stage.adapterWith({ webhook_secrets: [SECRET] }).parseCallback(raw, patience());

test('the known answer of channels.md is verified: a valid message whose type concerns nobody', async () => {
  expect(sign(VECTOR_BODY, T, SECRET)).toBe(VECTOR_V1);
  const body = '{"id":"evt_1","object":"event","type":"x","created":1700000000,"livemode":false,"data":{"object":{}}}';
  const raw = aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, SECRET)}` });
  expect(await parse(raw)).toEqual({ ok: true, value: [] });
  // The vector's own body is no complete event, which is only noticed once its signature is found good.
  expect(await parse(aCallback())).toEqual({ ok: false, error: 'malformed' });
});

test.each([
  ['no signature header', aCallback({ headers: new Map() }), 'bad_signature'],
  ['an empty header', aCallback({ signature: '' }), 'malformed'],
  ['the header twice', aCallback({ signature: [`t=${T},v1=${VECTOR_V1}`, `t=${T},v1=${VECTOR_V1}`] }), 'malformed'],
  [
    'two headers that a proxy joined',
    aCallback({ signature: `t=${T},v1=${VECTOR_V1}, t=${T},v1=${VECTOR_V1}` }),
    'malformed',
  ],
  ['an empty v1', aCallback({ signature: `t=${T},v1=` }), 'malformed'],
  ['no time', aCallback({ signature: `v1=${VECTOR_V1}` }), 'malformed'],
  ['a time twice', aCallback({ signature: `t=${T},t=${T},v1=${VECTOR_V1}` }), 'malformed'],
  ['a time that is no number', aCallback({ signature: `t=soon,v1=${VECTOR_V1}` }), 'malformed'],
  ['another time than was signed', aCallback({ signature: `t=${T + 1},v1=${VECTOR_V1}` }), 'bad_signature'],
  ['an upper-case signature', aCallback({ signature: `t=${T},v1=${VECTOR_V1.toUpperCase()}` }), 'malformed'],
  ['half a signature', aCallback({ signature: `t=${T},v1=${VECTOR_V1.slice(0, 32)}` }), 'malformed'],
  ['the right signature under v0', aCallback({ signature: `t=${T},v0=${VECTOR_V1}` }), 'bad_signature'],
  ['the right signature under another scheme', aCallback({ signature: `t=${T},v2=${VECTOR_V1}` }), 'bad_signature'],
  ['a signature of zeros', aCallback({ signature: `t=${T},v1=${'0'.repeat(64)}` }), 'bad_signature'],
  ['a changed byte', aCallback({ body: Buffer.from(VECTOR_BODY.replace('"x"', '"y"')) }), 'bad_signature'],
  ['a truncated body', aCallback({ body: Buffer.from(VECTOR_BODY.slice(0, -1)) }), 'bad_signature'],
  ['one byte more', aCallback({ body: Buffer.from(`${VECTOR_BODY} `) }), 'bad_signature'],
  ['a byte order mark in front', aCallback({ body: Buffer.from(`\ufeff${VECTOR_BODY}`) }), 'bad_signature'],
  ['bytes that are no text', aCallback({ body: Buffer.from([0xff, 0xfe, 0x00]) }), 'malformed'],
  ['an empty body', aCallback({ body: Buffer.alloc(0) }), 'malformed'],
  ['GET', aCallback({ method: 'GET' }), 'malformed'],
])('%s is refused', async (_what, raw, error) => {
  expect(await parse(raw)).toEqual({ ok: false, error });
});

test('signatures of schemes that we do not know are passed over', async () => {
  for (const more of [`v0=${'0'.repeat(64)}`, 'v2=new+kind==', 'x']) {
    const raw = anEvent({});
    const [header] = raw.headers.get('stripe-signature') ?? [];
    const extended = new Map([['stripe-signature', [`${header},${more}`]]]);
    expect(await parse({ ...raw, headers: extended })).toMatchObject({ ok: true });
  }
});

test('a message signed with an empty secret is never believed', async () => {
  const raw = anEvent({}, '');
  expect(await parse(raw)).toEqual({ ok: false, error: 'bad_signature' });
  const unguarded = stage.adapterWith({ webhook_secrets: [''] });
  expect(await unguarded.parseCallback(raw, patience())).toEqual({ ok: false, error: 'bad_signature' });
});

test.each([
  ['five minutes old', 300, true],
  ['a second more', 301, false],
  ['five minutes from the future', -300, true],
  ['a second more from the future', -301, false],
  ['a day old', 86_400, false],
])('a message %s is taken: %s', async (_what, ageS, taken) => {
  const raw = { ...anEvent({}), receivedAt: (T + ageS) * 1_000 };
  expect(await parse(raw)).toMatchObject(taken ? { ok: true } : { ok: false, error: 'stale' });
});

test('a validly signed text that is no event is malformed', async () => {
  for (const body of ['', ' ', 'null', '[]', '1', '"event"', '{', '{"object":"v2.core.event","id":"evt_1"}']) {
    const raw = aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, SECRET)}` });
    expect(await parse(raw)).toEqual({ ok: false, error: 'malformed' });
  }
});
