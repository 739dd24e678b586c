import { Counter, type OpenMetricsContentType, Registry } from 'prom-client';

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

const OPEN_METRICS = 'application/openmetrics-text';
const VERSIONS = ['1.0.0', '0.0.1'];

/** The metrics in the format that a scraper asks for: OpenMetrics, which has exemplars, or the plain text of Prometheus. */
export async function expose(registry: Registry, accept: string): Promise<Exposition> {
  const shown = wantsOpenMetrics(accept) ? inOpenMetrics(registry) : registry;
  return { contentType: shown.contentType, body: await shown.metrics() };
}

/** Whether an `Accept` header names OpenMetrics, and not below the plain text. */
export function wantsOpenMetrics(accept: string): boolean {
  const ranges = accept.split(',').map(rangeOf);
  const open = ranges.filter(({ type, version }) => type === OPEN_METRICS && VERSIONS.includes(version ?? '1.0.0'));
  const plain = ranges.filter(({ type }) => type === 'text/plain');
  const best = (of: typeof ranges): number => Math.max(0, ...of.map(({ quality }) => quality));
  return best(open) > 0 && best(open) >= best(plain);
}

function rangeOf(range: string) {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const parameter = (name: string) => parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
  const quality = Number(parameter('q') ?? 1);
  return { type, version: parameter('version'), quality: Number.isFinite(quality) ? quality : 0 };
}

/**
 * The same metrics in a registry of the other format. That one takes `_total` off the names of counters for good, and puts it back
 * on their samples; so it gets counters that only look like the real ones, whose names stay.
 */
function inOpenMetrics(registry: Registry): Registry<OpenMetricsContentType> {
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    if (metric) open.registerMetric(metric instanceof Counter ? Object.create(metric) : metric);
  }
  return open;
}
