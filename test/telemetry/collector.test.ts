import { describe, expect, test } from 'vitest';
import { type CollectorOptions, connectCollector, type EndedSpan } from '../../src/telemetry/index.ts';
import { eventually } from '../e2e/stage.ts';
import { aFreePort } from '../services/free-port.ts';
import { openReceiver } from './otlp-receiver.ts';

const aSpan = (set: Partial<EndedSpan> = {}): EndedSpan => ({
  name: 'channel call',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentSpanId: null,
  startedAt: 1_767_225_600_000.25,
  endedAt: 1_767_225_600_012.5,
  fields: { channelId: 'alipay-main', operation: 'create', outcome: 'ok' },
  failed: false,
  ...set,
});

async function connect(url: string) {
  const exported = { sent: 0, failed: 0 };
  let troubles = 0;
  const options: CollectorOptions = {
    ...{ url, serviceName: 'switchyard', version: '1.2.3' },
    onExported: (outcome, spans) => {
      exported[outcome] += spans;
    },
    onTrouble: () => {
      troubles += 1;
    },
  };
  return { collector: await connectCollector(options), exported, troubles: () => troubles };
}

describe('a collector of spans', () => {
  test('gets them with times in nanoseconds, kind and status', async () => {
    const receiver = await openReceiver();
    const { collector, exported } = await connect(`${receiver.url}/v1/traces`);
    collector.record(aSpan());
    collector.record(
      aSpan({ name: 'request', failed: true, parentSpanId: 'aaaaaaaaaaaaaaaa', fields: { status: 500 } }),
    );
    await collector.close();
    expect(receiver.faults).toEqual([]);
    expect(receiver.spans).toMatchObject([
      {
        startTimeUnixNano: '1767225600000250000',
        endTimeUnixNano: '1767225600012500000',
        kind: 3,
        status: { code: 0 },
      },
      {
        kind: 2,
        status: { code: 2 },
        parentSpanId: 'aaaaaaaaaaaaaaaa',
        attributes: { 'http.response.status_code': 500 },
      },
    ]);
    expect(exported).toEqual({ sent: 2, failed: 0 });
    await receiver.close();
  });

  test('gets what has room, and the rest is dropped', async () => {
    const receiver = await openReceiver();
    const { collector } = await connect(`${receiver.url}/v1/traces`);
    for (let i = 0; i < 20_000; i += 1) collector.record(aSpan());
    await collector.close();
    expect(receiver.spans.length).toBeGreaterThan(0);
    expect(receiver.spans.length).toBeLessThanOrEqual(2_048 + 512);
    await receiver.close();
  });

  test('that is not there is reported, and holds up no end', async () => {
    const { collector, exported, troubles } = await connect(`http://127.0.0.1:${await aFreePort()}/v1/traces`);
    collector.record(aSpan());
    await eventually(() => exported.failed === 1, 15_000);
    expect(exported.sent).toBe(0);
    expect(troubles()).toBe(1);
    await collector.close();
  });

  test('that hangs holds up no end either, and nothing is taken after it', async () => {
    const receiver = await openReceiver();
    receiver.hang();
    const { collector } = await connect(`${receiver.url}/v1/traces`);
    collector.record(aSpan());
    await collector.close();
    collector.record(aSpan());
    expect(receiver.spans).toEqual([]);
    await receiver.close();
  });
});
