/** Currencies whose minor unit is not a hundredth, by the digits after their decimal point; all others have two. */
export const EXCEPTIONS: Readonly<Record<number, readonly string[]>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' '),
  3: 'BHD IQD JOD KWD LYD OMR TND'.split(' '),
  4: 'CLF UYW'.split(' '),
  6: ['USDT'],
};

const ALL = Object.values(EXCEPTIONS).flat().join('|');

/**
 * Amounts in the currency's own unit: `of` gets a matcher on the label `currency` and answers the query in minor units. Only
 * for results that keep that label, since a sum over currencies means nothing.
 */
export function inMajorUnits(of: (currency: string) => string): string {
  const exceptions = Object.entries(EXCEPTIONS).map(([exponent, codes]) => {
    const query = of(`currency=~"${codes.join('|')}"`);
    return exponent === '0' ? query : `${query} / 1e${exponent}`;
  });
  return [`${of(`currency!~"${ALL}"`)} / 100`, ...exceptions].join('\nor ');
}

/**
 * Of the payments that succeeded or failed within `window`, the share that succeeded. 0 where none did, nothing where there
 * were none: a series does not exist before its first event.
 */
export function successShare(of: {
  readonly metric: string;
  readonly window: string;
  readonly by?: string;
  readonly matchers?: string;
}): string {
  const sum = of.by === undefined ? 'sum' : `sum by (${of.by})`;
  const matchers = of.matchers ? `${of.matchers},` : '';
  const counted = (outcome: string) => `${sum} (increase(${of.metric}{${matchers}outcome${outcome}}[${of.window}]))`;
  const ended = counted('=~"succeeded|failed"');
  return `(${counted('="succeeded"')} or 0 * ${ended}) / ${ended}`;
}
