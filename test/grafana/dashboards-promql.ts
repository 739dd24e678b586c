/** What a PromQL expression reads. */
export interface Reading {
  /** Labels in the matchers, by the metric that they stand at. */
  readonly matched: ReadonlyMap<string, ReadonlySet<string>>;
  /** Labels in `by`, `on` and the like: of any metric in the expression. */
  readonly grouped: ReadonlySet<string>;
}

const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);
const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[a-zA-Z_:][\w:]*|\d[\w.]*|[=!]~|!=|[^\s]/g;

/** Takes an expression apart as far as names and labels go. Its syntax is Prometheus' own business. */
export function readingOf(expr: string): Reading {
  const tokens: readonly string[] = expr.match(TOKEN) ?? [];
  const matched = new Map<string, Set<string>>();
  const grouped = new Set<string>();
  let last = '';
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? '';
    const next = tokens[at + 1];
    if (!/^[a-zA-Z_:]/.test(token)) {
      if (token !== '{') continue;
      const end = tokens.indexOf('}', at);
      for (const label of namesBefore(tokens.slice(at, end), /^(=|!=|=~|!~)$/)) matched.get(last)?.add(label);
      at = end;
    } else if (GROUPING.has(token)) {
      if (next !== '(') continue;
      const end = tokens.indexOf(')', at);
      for (const label of tokens.slice(at + 2, end)) if (label !== ',') grouped.add(label);
      at = end;
    } else if (next !== '(' && !isAggregation(token, next) && !WORDS.has(token.toLowerCase())) {
      last = token;
      if (!matched.has(token)) matched.set(token, new Set());
    }
  }
  return { matched, grouped };
}

/** `sum by (channel) (…)`: the word before a grouping is no metric. */
function isAggregation(token: string, next: string | undefined): boolean {
  return (
    /^(sum|min|max|avg|count|topk|bottomk|quantile|stddev|group)$/.test(token) &&
    next !== undefined &&
    GROUPING.has(next)
  );
}

function namesBefore(tokens: readonly string[], sign: RegExp): readonly string[] {
  return tokens.filter((_, index) => sign.test(tokens[index + 1] ?? ''));
}
