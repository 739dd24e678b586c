import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from '../../src/telemetry/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PLACE = { traceId: TRACE, spanId: SPAN, sampled: true };

describe('a traceparent', () => {
  // The examples of https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers.
  test('is read with its flag', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual(PLACE);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...PLACE, sampled: false });
  });

  test('may have flags that nobody knows yet', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)).toEqual(PLACE);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)).toEqual({ ...PLACE, sampled: false });
  });

  test('of a version to come is read as far as it is known', () => {
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)).toEqual(PLACE);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`)).toEqual(PLACE);
  });

  test.each([
    ['of version 00 that goes on', `00-${TRACE}-${SPAN}-01-more`],
    ['of a version to come that goes on without a dash', `cc-${TRACE}-${SPAN}-01.more`],
    ['of version ff', `ff-${TRACE}-${SPAN}-01`],
    ['with a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['with a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['in capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['with a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['with a long parent', `00-${TRACE}-${SPAN}0-01`],
    ['without flags', `00-${TRACE}-${SPAN}`],
    ['with a letter that is no digit', `00-${TRACE.slice(1)}g-${SPAN}-01`],
    ['with spaces around', ` 00-${TRACE}-${SPAN}-01 `],
    ['with a line end', `00-${TRACE}-${SPAN}-01\n`],
    ['that is empty', ''],
  ])('%s is invalid', (_, header) => expect(parseTraceparent(header)).toBeNull());

  test('that was written is read again, and nothing else makes a parser stumble', () => {
    const hex = (length: number) =>
      fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text));
    fc.assert(
      fc.property(fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }), (place) => {
        expect(parseTraceparent(formatTraceparent(place))).toEqual(place);
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        expect(parseTraceparent(text)).toBeNull();
      }),
    );
  });
});
