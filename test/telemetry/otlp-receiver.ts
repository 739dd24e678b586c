import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const attributesSchema = z
  .array(
    z.object({
      key: z.string(),
      value: z.union([
        z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
        z.strictObject({ intValue: z.union([z.number(), z.string()]) }).transform(({ intValue }) => Number(intValue)),
      ]),
    }),
  )
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));

/** The JSON of OTLP/HTTP as far as a collector must understand it: ids in hex, times in nanoseconds. */
const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  name: z.string(),
  kind: z.number().int().min(1).max(5),
  startTimeUnixNano: z.string().regex(/^\d{19}$/),
  endTimeUnixNano: z.string().regex(/^\d{19}$/),
  attributes: attributesSchema,
  status: z.object({ code: z.number().int().min(0).max(2) }),
});

const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ scope: z.object({ name: z.string() }), spans: z.array(spanSchema) })),
    }),
  ),
});

export type ReceivedSpan = z.output<typeof spanSchema> & { readonly service: string };

/** A collector of OTLP over HTTP. */
export interface Receiver {
  readonly url: string;
  /** Everything that has come, in the order of its coming. */
  readonly spans: readonly ReceivedSpan[];
  /** What came and was not as the protocol has it. */
  readonly faults: readonly string[];
  readonly paths: ReadonlySet<string>;
  readonly authorizations: ReadonlySet<string>;
  /** Takes requests and never answers them. */
  hang(): void;
  close(): Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const faults: string[] = [];
  const paths = new Set<string>();
  const authorizations = new Set<string>();
  let hangs = false;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      paths.add(`${request.method} ${request.url} ${request.headers['content-type']}`);
      authorizations.add(request.headers.authorization ?? 'none');
      if (hangs) return;
      const parsed = exportSchema.safeParse(JSON.parse(body));
      if (!parsed.success) faults.push(z.prettifyError(parsed.error));
      for (const { resource, scopeSpans } of parsed.data?.resourceSpans ?? []) {
        const service = String(resource.attributes['service.name']);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans).map((span) => ({ ...span, service })));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ spans, faults, paths, authorizations },
    hang: () => {
      hangs = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
