import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallbackRefusal, ChannelAdapter, RawCallback } from '../../src/channel/index.ts';
import { type ChannelStage, type Placed, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt, withCredential } from './channel-subject.ts';
import {
  doubled,
  flippedEverywhere,
  proofFlipped,
  rawParameter,
  signedText,
  withHeader,
  withoutProof,
  withProof,
  withSignedText,
} from './channel-tampering.ts';

const OVERSIZED_BYTES = 2 * 1024 * 1024;

/** Callbacks that are not what they seem: refused as values, whatever arrives, and never a throw. */
export function describeForgeries(subject: ChannelSubject): void {
  const { callbackProof: proof, creates } = subject;
  const [wish] = creates;
  if (wish === undefined) throw new Error('the subject names no creates');
  let stage: ChannelStage;
  let genuine: RawCallback;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
    genuine = await aGenuineCallback(stage);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const judge = async (
    raw: RawCallback,
    adapter: ChannelAdapter = stage.adapter,
  ): Promise<CallbackRefusal | 'believed'> => {
    const parsed = await adapter.parseCallback(raw, patience());
    return parsed.ok ? 'believed' : parsed.error;
  };
  const expectRefused = async (raw: RawCallback, what: string): Promise<void> => {
    expect(await judge(raw), what).not.toBe('believed');
  };

  test('the genuine callback is believed, so that what follows shows something', async () => {
    expect(await judge(genuine)).toBe('believed');
  });

  test('one flipped bit anywhere in what is signed', async () => {
    for (const { raw, at } of flippedEverywhere(genuine, proof)) await expectRefused(raw, `bit at byte ${at}`);
  });

  test.each(proof.names)('one flipped bit in %s', async (name) => {
    for (const { raw, at } of proofFlipped(genuine, proof, name)) await expectRefused(raw, `bit at character ${at}`);
  });

  test.each(proof.names)('%s missing, empty, foreign, or twice', async (name) => {
    await expectRefused(withoutProof(genuine, proof, name), 'missing');
    for (const wrong of ['', ' ', '0', 'AAAA', '\u0000', '支付', 'x'.repeat(10_000)]) {
      await expectRefused(withProof(genuine, proof, name, wrong), JSON.stringify(wrong.slice(0, 10)));
    }
    await expectRefused(doubled(genuine, proof, name), 'twice');
  });

  test.each([
    ['empty', () => ''],
    ['cut in half', (text: string) => text.slice(0, text.length / 2)],
    ['without its last character', (text: string) => text.slice(0, -1)],
    ['with one character more', (text: string) => `${text} `],
    ['with itself once more', (text: string) => `${text}${text}`],
    ['an empty object', () => '{}'],
    ['null', () => 'null'],
    ['a list', (text: string) => `[${text}]`],
    ['deeply nested', () => `${'['.repeat(100_000)}`],
    ['binary', () => '\u0000\uffff\u0001'],
    ['oversized', (text: string) => text.padEnd(OVERSIZED_BYTES, ' ')],
    ['oversized with a parameter', (text: string) => `${text}&x=${'y'.repeat(OVERSIZED_BYTES)}`],
  ])('a callback that is %s', async (_, spoil) => {
    await expectRefused(withSignedText(genuine, proof, spoil(signedText(genuine, proof))), 'spoilt');
  });

  test('arbitrary bytes under arbitrary headers', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 500 }),
      fc.json().map((json) => Buffer.from(json)),
    );
    const headers = fc.array(fc.tuple(fc.constantFrom(...genuine.headers.keys()), fc.string({ maxLength: 80 })));
    const target = fc.webQueryParameters().map((query) => `${genuine.target.split('?')[0]}?${query}`);
    await fc.assert(
      fc.asyncProperty(bytes, headers, target, async (body, noise, where) => {
        const mixed = new Map([...genuine.headers, ...noise.map(([name, value]) => [name, [value]] as const)]);
        await expectRefused({ ...genuine, body, headers: mixed, target: where }, 'noise');
      }),
      { numRuns: 150 },
    );
  });

  test('a header that nobody signs changes nothing', async () => {
    expect(await judge(withHeader(genuine, 'x-forwarded-for', '203.0.113.9'))).toBe('believed');
  });

  test("a signature made with somebody else's key", async () => {
    stage.host.control.faults('one', { wrong_signature: true });
    const before = stage.receiver.received.length;
    await stage.pay(await stage.place(wish));
    await expect.poll(() => callbacksSince(stage, before).length).toBeGreaterThan(0);
    for (const raw of callbacksSince(stage, before)) expect(await judge(raw)).toBe('bad_signature');
  });

  const { callbackWindowMs } = subject;
  if (callbackWindowMs === undefined) {
    test.todo('callbackWindowMs is not declared: what becomes of an old callback is not tested');
  } else if (callbackWindowMs === null) {
    test('a callback that comes a day late is believed: its provider repeats it so long', async () => {
      stage.shiftClock(25 * 3_600_000);
      expect(await judge({ ...genuine, receivedAt: stage.now() })).toBe('believed');
    });
  } else {
    test('a callback from beyond the window, before or after, is refused as stale', async () => {
      const margin = 60_000; // the genuine one was signed up to so long ago
      for (const shift of [callbackWindowMs + margin, -callbackWindowMs - margin]) {
        stage.shiftClock(shift);
        expect(await judge({ ...genuine, receivedAt: stage.now() }), `${shift} ms`).toBe('stale');
      }
      stage.shiftClock(callbackWindowMs - margin);
      expect(await judge({ ...genuine, receivedAt: stage.now() }), 'within').toBe('believed');
    });
  }

  describe("another account's callback", () => {
    let foreign: RawCallback;
    beforeAll(async () => {
      foreign = await aGenuineCallback(stage, 'two');
    });

    test('is refused, though its own account believes it', async () => {
      expect(await judge(foreign, stage.openAdapter(stage.host.credentials('two')))).toBe('believed');
      expect(['bad_signature', 'foreign_account']).toContain(await judge(foreign));
    });

    test('is refused at our address too', async () => {
      const atOurs = { ...foreign, target: genuine.target };
      // Where the message is the query, the address without it is what is ours.
      await expectRefused(
        proof.in === 'query' ? withSignedText(atOurs, proof, signedText(foreign, proof)) : atOurs,
        'our address',
      );
    });

    test('cannot lend its proof to our callback', async () => {
      const mixed = proof.in === 'headers' ? { ...genuine, headers: foreign.headers } : genuine;
      if (proof.in === 'headers') await expectRefused(mixed, 'foreign headers');
      for (const name of proof.names) {
        const [value] = valuesOf(foreign, name);
        if (value !== undefined && valuesOf(genuine, name)[0] !== value) {
          await expectRefused(withProof(genuine, proof, name, value), name);
        }
      }
    });

    // One provider may sign for all its merchants with one key: then only the account named inside tells them apart.
    test('is refused even under a common key, by every field that names the account', async () => {
      for (const field of subject.accountFields) {
        const [ours, theirs] = [stage.host.credentials('one'), stage.host.credentials('two')];
        expect(credentialAt(ours, [field]), field).not.toBe(credentialAt(theirs, [field]));
        const adapter = stage.openAdapter(withCredential(theirs, [field], credentialAt(ours, [field])));
        expect(await judge(foreign, adapter), field).toBe('foreign_account');
      }
    });
  });

  function valuesOf(raw: RawCallback, name: string): readonly string[] {
    if (proof.in === 'headers') return raw.headers.get(name) ?? [];
    if (proof.in === 'json') return [rawParameter(signedText(raw, proof), name, proof)];
    return new URLSearchParams(signedText(raw, proof)).getAll(name);
  }
}

async function aGenuineCallback(stage: ChannelStage, channelId: 'one' | 'two' = 'one'): Promise<RawCallback> {
  const [wish] = stage.subject.creates;
  if (wish === undefined) throw new Error('the subject names no creates');
  const placed: Placed = await stage.place(wish, channelId);
  await stage.pay(placed, {}, channelId);
  return stage.paidCallback(placed, stage.openAdapter(stage.host.credentials(channelId)));
}

function callbacksSince({ receiver }: ChannelStage, before: number): readonly RawCallback[] {
  return receiver.received.slice(before).filter(({ target }) => target.startsWith('/callbacks/'));
}
