import { z } from 'zod';
import { AMOUNT_MINOR_MAX, isAmountMinor, isCurrency, SCENES } from '../payment/index.ts';
import {
  countrySchema,
  emailSchema,
  ipSchema,
  lineSchema,
  metadataSchema,
  patternSchema,
  urlSchema,
} from './fields.ts';

const METHODS_MAX = 10;
const EXPIRES_IN_S = { min: 60, max: 86_400, default: 900 };
const AMOUNT_MESSAGE = `must be an integer in 1-${AMOUNT_MINOR_MAX}, in the currency's minor unit`;
const CURRENCY_MESSAGE = 'must be an ISO 4217 code in upper case, or USDT';
const EXPIRES_MESSAGE = `must be an integer number of seconds in ${EXPIRES_IN_S.min}-${EXPIRES_IN_S.max}`;

const customerSchema = z.strictObject(
  {
    id: lineSchema(128).optional(),
    ip: ipSchema.optional(),
    email: emailSchema.optional(),
    device_id: lineSchema(128).optional(),
    country: countrySchema.optional(),
  },
  { error: 'must be an object' },
);

const methodsSchema = z
  .array(patternSchema(/^[a-z][a-z0-9_]{1,31}$/, 'must be a method in lower case, for example alipay'), {
    error: 'must be an array of methods, for example ["alipay"]',
  })
  .min(1, 'must name at least one method; leave it out to allow every method')
  .max(METHODS_MAX, `must name at most ${METHODS_MAX} methods`)
  .superRefine((methods, context) => {
    for (const [index, method] of methods.entries()) {
      if (methods.indexOf(method) === index) continue;
      context.addIssue({ code: 'custom', path: [index], message: 'is named twice' });
    }
  });

/** What is common to a create and a quote: the part that routing looks at. */
const routedFields = {
  amount: z.number(AMOUNT_MESSAGE).refine(isAmountMinor, AMOUNT_MESSAGE),
  currency: z.string(CURRENCY_MESSAGE).refine(isCurrency, CURRENCY_MESSAGE),
  methods: methodsSchema.default([]),
  scene: z.enum(SCENES, `must be one of ${SCENES.join(', ')}`).default('redirect'),
  channel: patternSchema(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be a channel id').optional(),
};

function describedFields(allowHttp: boolean) {
  return {
    merchant_order_no: patternSchema(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1-64 of A-Z a-z 0-9 _ -'),
    subject: lineSchema(128).refine((text) => text.trim() !== '', 'must not be blank'),
    customer: customerSchema.default({}),
    notify_url: urlSchema(allowHttp).optional(),
    return_url: urlSchema(allowHttp).optional(),
    expires_in: z
      .int(EXPIRES_MESSAGE)
      .min(EXPIRES_IN_S.min, EXPIRES_MESSAGE)
      .max(EXPIRES_IN_S.max, EXPIRES_MESSAGE)
      .default(EXPIRES_IN_S.default),
    metadata: metadataSchema.default({}),
    deferred: z.boolean('must be true or false').default(false),
  };
}

const BODY_MESSAGE = 'must be a JSON object';

/** The body of `POST /v1/payments`. Unknown fields are faults: a misspelt `notify_url` must not be lost in silence. */
export function orderSchema(allowHttp: boolean) {
  return z.strictObject({ ...routedFields, ...describedFields(allowHttp) }, { error: bodyMessage });
}

/** The body of `POST /v1/routing/quote`: that of a create, of which only what routing looks at is required. */
export function quoteSchema(allowHttp: boolean) {
  const described = z.strictObject(describedFields(allowHttp)).partial();
  return z.strictObject({ ...routedFields, ...described.shape }, { error: bodyMessage });
}

function bodyMessage(issue: { readonly code?: string | undefined }): string | undefined {
  return issue.code === 'invalid_type' ? BODY_MESSAGE : undefined;
}

export type OrderBody = z.output<ReturnType<typeof orderSchema>>;
