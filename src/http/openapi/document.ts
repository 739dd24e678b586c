import { EVENT_TYPES, type EventType, ID_PATTERNS } from '../../payment/index.ts';
import { IDEMPOTENCY_KEY } from '../idempotency-key.ts';
import { statusOf } from '../problem.ts';
import { PROBLEMS, type ProblemCode } from '../problem-list.ts';
import { ANSWER_EXAMPLES, QUERY_EXAMPLES, REQUEST_EXAMPLES, WEBHOOK_EXAMPLES } from './examples.ts';
import { ALWAYS, OF_BODIES, OPERATIONS, type Operation, TAGS } from './operations.ts';
import { componentSchemas, queryParameters, type SchemaName } from './schemas.ts';
import type { DescribedMedia, DescribedOperation, DescribedResponse, JsonSchema } from './shape.ts';
import { EVENT_WORDS, INTRODUCTION } from './words.ts';

export interface DocumentOptions {
  readonly publicUrl: string;
  /** The sandbox takes plain http for notify and return URLs. */
  readonly allowHttpUrls: boolean;
}

/** The OpenAPI 3.1 description of the merchant API. */
export function openApiDocument({ publicUrl, allowHttpUrls }: DocumentOptions) {
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: { title: 'Switchyard merchant API', version: '1', description: INTRODUCTION },
    servers: [{ url: publicUrl }],
    security: [{ secretKey: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: paths(),
    webhooks: Object.fromEntries(EVENT_TYPES.map((type) => [type, { post: webhook(type) }])),
    components: {
      securitySchemes: {
        secretKey: {
          type: 'http',
          scheme: 'bearer',
          description: "The merchant's secret key. Never in a page or an app.",
        },
      },
      schemas: componentSchemas(allowHttpUrls),
      parameters: PARAMETERS,
      headers: HEADERS,
    },
  };
}

const ref = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });

type PathItem = Readonly<Partial<Record<Operation['method'], DescribedOperation>>>;

function paths(): Readonly<Record<string, PathItem>> {
  const byPath: Record<string, PathItem> = {};
  for (const operation of OPERATIONS) {
    byPath[operation.path] = { ...byPath[operation.path], [operation.method]: operationObject(operation) };
  }
  return byPath;
}

function operationObject(operation: Operation): DescribedOperation {
  const { id, tag, summary, description, body } = operation;
  const parameters = parametersOf(operation);
  return {
    ...{ operationId: id, tags: [tag], summary, description },
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyOf(body, id) }),
    responses: { ...successes(operation), ...refusals(operation) },
  };
}

function parametersOf({ path, query, takesIdempotencyKey }: Operation): readonly JsonSchema[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
    name === 'refund_id' ? 'RefundId' : path.startsWith('/v1/events') ? 'EventId' : 'PaymentId',
  );
  const named = takesIdempotencyKey ? [...inPath, 'IdempotencyKey'] : inPath;
  return [
    ...named.map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ...(query === undefined ? [] : queryParameters(query)).map((parameter) => {
      const example = QUERY_EXAMPLES[String(parameter.name)];
      return example === undefined ? parameter : { ...parameter, example };
    }),
  ];
}

function bodyOf(name: SchemaName, operationId: string): DescribedOperation['requestBody'] & object {
  const examples = REQUEST_EXAMPLES[operationId] ?? {};
  return {
    required: true,
    content: {
      'application/json': {
        schema: ref(name),
        examples: Object.fromEntries(Object.entries(examples).map(([key, value]) => [key, { value }])),
      },
    },
  };
}

function successes({ id, answer, success }: Operation): DescribedOperation['responses'] {
  const example = ANSWER_EXAMPLES[answer];
  const media = { schema: ref(answer), ...(example === undefined ? {} : { examples: { answer: { value: example } } }) };
  return Object.fromEntries(
    Object.entries(success).map(([status, description]) => [
      status,
      { description, headers: ANSWERED, content: { 'application/json': media }, links: LINKS[id] ?? {} },
    ]),
  );
}

const onPayment = (operationId: string) => ({ operationId, parameters: { id: '$response.body#/id' } });

/** Where an answer's id goes on. */
const LINKS: Readonly<Record<string, JsonSchema>> = {
  createPayment: Object.fromEntries(
    OPERATIONS.filter(({ path }) => /^\/v1\/payments\/\{id\}(\/[a-z]+)?$/.test(path)).map(({ id }) => [
      id,
      onPayment(id),
    ]),
  ),
  createRefund: {
    getRefund: {
      operationId: 'getRefund',
      parameters: { id: '$response.body#/payment_id', refund_id: '$response.body#/id' },
    },
  },
};

/** One response per status, with the codes that it can carry. */
function refusals({ body, refusals: own }: Operation): DescribedOperation['responses'] {
  const codes = [...ALWAYS, ...(body === undefined ? [] : OF_BODIES), ...own];
  const byStatus = Map.groupBy(codes, statusOf);
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, refusal(status, group)]));
}

function refusal(status: number, codes: readonly ProblemCode[]): DescribedResponse {
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].cause}`).join(' '),
    headers: { ...ANSWERED, ...HEADERS_OF_STATUS[status] },
    content: {
      'application/problem+json': {
        schema: { ...ref('Problem'), properties: { status: { const: status }, code: { enum: codes } } },
      },
    },
  };
}

const headerRef = (name: keyof typeof HEADERS) => ({ $ref: `#/components/headers/${name}` });

const HEADERS = {
  RequestId: {
    description: 'The request in our logs. Yours, when you send one of 8-64 of `A-Z a-z 0-9 . _ -`.',
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{8,64}$' },
  },
  Traceresponse: {
    description: 'The place of the request in its trace (W3C Trace Context). It is yours, when you send `traceparent`.',
    schema: { type: 'string' },
  },
  RetryAfter: {
    description: 'Seconds to wait.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
  Authenticate: { description: 'How to authenticate.', required: true, schema: { type: 'string' } },
  Allow: { description: 'The methods that this path has.', schema: { type: 'string' } },
} as const;

const ANSWERED = { 'X-Request-Id': headerRef('RequestId'), Traceresponse: headerRef('Traceresponse') };

const HEADERS_OF_STATUS: Readonly<Record<number, JsonSchema>> = {
  401: { 'WWW-Authenticate': headerRef('Authenticate') },
  405: { Allow: headerRef('Allow') },
  429: { 'Retry-After': headerRef('RetryAfter') },
  503: { 'Retry-After': headerRef('RetryAfter') },
};

const PARAMETERS = {
  PaymentId: {
    ...{ name: 'id', in: 'path', required: true, description: "The payment's id." },
    schema: { type: 'string', pattern: ID_PATTERNS.payment.source },
  },
  RefundId: {
    ...{ name: 'refund_id', in: 'path', required: true, description: "The refund's id." },
    schema: { type: 'string', pattern: ID_PATTERNS.refund.source },
  },
  EventId: {
    ...{ name: 'id', in: 'path', required: true, description: "The event's id." },
    schema: { type: 'string', pattern: ID_PATTERNS.event.source },
  },
  IdempotencyKey: {
    ...{ name: 'Idempotency-Key', in: 'header', required: false },
    description: 'Binds a key of yours to this request: sent with a different one, it is a conflict. At most once.',
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
  },
};

/** What arrives at `notify_url`. */
function webhook(type: EventType): DescribedOperation {
  const header = (name: string, description: string, schema: JsonSchema = {}, required = true) => ({
    ...{ name, in: 'header', required, description, schema: { type: 'string', ...schema } },
  });
  return {
    operationId: `on_${type.replace('.', '_')}`,
    ...{ tags: ['Events'], security: [], summary: EVENT_WORDS[type] },
    description:
      'A 2xx within 10 seconds is delivered. Anything else is tried again after 5 s, 30 s, 2 min, 10 min, 1 h, then every 3 h, for three days. It may come twice and in another order; `webhook-id` stays the same.',
    parameters: [
      header('webhook-id', "The event's id.", { pattern: ID_PATTERNS.event.source }),
      header('webhook-timestamp', 'Seconds since 1970 of this try. Refuse what is older than five minutes.', {
        pattern: '^[0-9]+$',
      }),
      header(
        'webhook-signature',
        'One or several signatures with a blank between: `v1,` and the base64 of an HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}` (Standard Webhooks).',
        { pattern: '^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$' },
      ),
      header('traceparent', 'The trace of the payment (W3C Trace Context).', {}, false),
    ],
    requestBody: { required: true, content: { 'application/json': eventMedia(type) } },
    responses: {
      '2XX': {
        description: 'Delivered. The body may say that the goods are out.',
        content: {
          'application/json': {
            schema: { type: 'object', properties: { fulfilment: { const: 'delivered' } } },
          },
        },
      },
    },
  };
}

function eventMedia(type: EventType): DescribedMedia {
  const example = Object.values(WEBHOOK_EXAMPLES).find((one) => one.type === type);
  return { schema: eventBody(type), ...(example === undefined ? {} : { examples: { event: { value: example } } }) };
}

function eventBody(type: EventType): JsonSchema {
  return {
    type: 'object',
    required: ['type', 'id', 'timestamp', 'data'],
    properties: {
      type: { const: type },
      id: { type: 'string', pattern: ID_PATTERNS.event.source },
      timestamp: { type: 'string', format: 'date-time' },
      data: ref(type.startsWith('refund.') ? 'PaymentWithRefund' : 'Payment'),
    },
  };
}

export type OpenApiDocument = ReturnType<typeof openApiDocument>;
