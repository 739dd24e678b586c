import { ApiError, createSwitchyard } from '../../sdk/src/index.ts'; // as a package: switchyard-client

const { SWITCHYARD_URL = '', SWITCHYARD_KEY = '', ORDER_NO = '', NOTIFY_URL = '' } = process.env;
const switchyard = createSwitchyard({ baseUrl: SWITCHYARD_URL, secretKey: SWITCHYARD_KEY });

try {
  // It is sent again by itself where that is safe.
  const payment = await switchyard.payments.create({
    merchant_order_no: ORDER_NO,
    amount: 1000,
    currency: 'CNY',
    subject: 'Game key',
    notify_url: NOTIFY_URL,
  });
  process.stdout.write(`${payment.id}: send the buyer to ${payment.checkout_url}\n`);
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  process.stderr.write(`${error.code}: ${error.detail}\n`);
  process.exitCode = 1;
}
