import { z } from 'zod';
import { CURRENCIES, isCurrency, SCENES } from '../payment/index.ts';
import {
  amountSchema,
  countrySchema,
  emailSchema,
  ipSchema,
  lineSchema,
  metadataSchema,
  orderNoSchema,
  patternSchema,
  visibleLineSchema,
} from './fields.ts';
import { urlSchema } from './url-schema.ts';

const METHODS_MAX = 10;
const EXPIRES_IN_S = { min: 60, max: 86_400, default: 900 };
const CURRENCY_MESSAGE = 'must be an ISO 4217 code in upper case, or USDT';
const EXPIRES_MESSAGE = `must be an integer number of seconds in ${EXPIRES_IN_S.min}-${EXPIRES_IN_S.max}`;

const customerSchema = z.strictObject(
  {
    id: lineSchema(128).describe('Your number of the buyer.').optional(),
    ip: ipSchema.describe("The buyer's address. WeChat Pay's H5 pages (scene `wap`) need it.").optional(),
    email: emailSchema.describe('Kept encrypted.').optional(),
    device_id: lineSchema(128).optional(),
    country: countrySchema.describe('ISO 3166, two upper-case letters.').optional(),
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
  })
  .meta({ uniqueItems: true });

/** What is common to a create and a quote: the part that routing looks at. */
const routedFields = {
  amount: amountSchema.describe("In the currency's minor unit: fen for CNY, yen for JPY, millionths for USDT."),
  currency: z
    .string(CURRENCY_MESSAGE)
    .refine(isCurrency, CURRENCY_MESSAGE)
    .meta({ enum: [...CURRENCIES], description: 'An ISO 4217 code in upper case, or `USDT`.' }),
  methods: methodsSchema
    .default([])
    .describe(
      'Ways to pay that the buyer may use, preferred ones first: `alipay`, `wechatpay`, `card` … Absent: whatever is enabled.',
    ),
  scene: z
    .enum(SCENES, `must be one of ${SCENES.join(', ')}`)
    .default('redirect')
    .describe(
      "Where the buyer is: at a screen to scan from (`qr`), in a browser (`redirect`), in a phone's browser (`wap`), in your app (`inapp`).",
    ),
  channel: patternSchema(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be a channel id')
    .describe('Takes this channel and no other. Refused with `channel_rejected` when it cannot take the payment.')
    .optional(),
};

function describedFields(allowHttp: boolean) {
  return {
    merchant_order_no: orderNoSchema.describe(
      'Your number of the order. One number is one payment, however often it is sent.',
    ),
    subject: visibleLineSchema(128).describe('What is bought; the buyer reads it.'),
    customer: customerSchema.default({}).describe('Who pays, as far as you know.'),
    notify_url: urlSchema(allowHttp)
      .describe("Where the payment's events go. Absent: the address in your configuration.")
      .optional(),
    return_url: urlSchema(allowHttp)
      .describe('Where the buyer goes afterwards. A visit there proves nothing.')
      .optional(),
    expires_in: z
      .int(EXPIRES_MESSAGE)
      .min(EXPIRES_IN_S.min, EXPIRES_MESSAGE)
      .max(EXPIRES_IN_S.max, EXPIRES_MESSAGE)
      .default(EXPIRES_IN_S.default)
      .describe('Seconds until the payment is closed by itself.'),
    metadata: metadataSchema.default({}).describe('Up to 20 texts of your own; they come back in answers and events.'),
    deferred: z
      .boolean('must be true or false')
      .default(false)
      .describe('Asks no channel yet: the buyer is sent to the cashier, and chooses there how to pay.'),
  };
}

const BODY_MESSAGE = 'must be a JSON object';

/** The body of `POST /v1/payments`. Unknown fields are faults: a misspelt `notify_url` must not be lost in silence. */
export function orderSchema(allowHttp: boolean) {
  const { merchant_order_no, ...described } = describedFields(allowHttp);
  return z.strictObject({ merchant_order_no, ...routedFields, ...described }, { error: bodyMessage });
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
