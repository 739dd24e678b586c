import { z } from 'zod';
import { orderSchema, quoteSchema } from '../order-schema.ts';
import { fulfilmentSchema } from '../payments.ts';
import { PROBLEMS, type ProblemCode } from '../problem-list.ts';
import { redeliverySchema } from '../redelivery-order.ts';
import { refundSchema } from '../refunds.ts';
import * as answers from './answers.ts';
import type { JsonSchema } from './shape.ts';

export type SchemaName = keyof ReturnType<typeof requestSchemas> | (typeof ANSWERS)[number][0] | 'Problem';

const CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

const problem = z
  .object({
    type: z.string().meta({ pattern: '^urn:switchyard:error:[a-z_]+$' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.enum(CODES).describe('Stable: branch on it.'),
    detail: z.string().describe('What is wrong and what to do, in a sentence for people.'),
    request_id: z.string().describe('The same as the header X-Request-Id; name it when you ask us.'),
    errors: z
      .array(z.object({ path: z.string().meta({ examples: ['customer.email'] }), message: z.string() }))
      .describe('Every wrong field, for `validation_failed`.')
      .optional(),
  })
  .describe('A refusal, after RFC 9457.');

const ANSWERS = [
  ['Payment', answers.payment],
  ['PaymentWithRefund', answers.paymentWithRefund],
  ['Attempt', answers.attempt],
  ['Action', answers.action],
  ['Refund', answers.refund],
  ['PaymentList', answers.paymentList],
  ['Candidate', answers.candidate],
  ['Decision', answers.decision],
  ['Routing', answers.routing],
  ['Quote', answers.quote],
  ['Event', answers.event],
  ['Delivery', answers.delivery],
  ['EventList', answers.eventList],
  ['Redelivered', answers.redelivered],
] as const;

/** The bodies, by the very schemas that parse them. */
function requestSchemas(allowHttpUrls: boolean) {
  return {
    CreatePayment: orderSchema(allowHttpUrls).describe('An order to be paid.'),
    QuoteRequest: quoteSchema(allowHttpUrls).describe('The body of a create; only what routing looks at is required.'),
    CreateRefund: refundSchema.describe('Money to send back.'),
    Fulfilment: fulfilmentSchema.describe('What became of the goods.'),
    Redelivery: redeliverySchema.describe('Which events to send again.'),
  };
}

/** Every named schema of the description, as JSON Schema. */
export function componentSchemas(allowHttpUrls: boolean): Readonly<Record<string, JsonSchema>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(requestSchemas(allowHttpUrls))) registry.add(schema, { id });
  for (const [id, schema] of ANSWERS) registry.add(schema, { id });
  registry.add(problem, { id: 'Problem' });
  const { schemas } = z.toJSONSchema(registry, { ...OPTIONS, uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _draft, $id: _id, ...schema }]) => [id, schema]),
  );
}

/** The parameters of a query, each with its schema. */
export function queryParameters(schema: z.ZodObject): readonly JsonSchema[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, OPTIONS);
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as JsonSchema;
    return { name, in: 'query', required: required.includes(name), description, schema: rest };
  });
}

/** `input`: the API tells what it takes, not what it makes of it. What zod cannot say, the schema's `meta` says. */
const OPTIONS = {
  io: 'input',
  unrepresentable: 'any',
  override: ({ jsonSchema }: { jsonSchema: JsonSchema & { default?: unknown } }) => {
    // An empty list is what leaving the field out means; sent, it is refused.
    if (Array.isArray(jsonSchema.default)) delete jsonSchema.default;
  },
} as const;
