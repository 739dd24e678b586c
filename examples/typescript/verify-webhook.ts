import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { verifyWebhook, WebhookError } from '../../sdk/src/index.ts'; // as a package: switchyard-client

const { WEBHOOK_SECRET = '', PORT = '9000' } = process.env;

createServer(async (request, response) => {
  const body = await buffer(request);
  try {
    const event = await verifyWebhook({ headers: request.headers, body, secret: WEBHOOK_SECRET });
    // It may come twice: deliver each event.id once.
    const isPaid = event.type === 'payment.succeeded';
    response.end(JSON.stringify(isPaid ? { fulfilment: 'delivered' } : {}));
  } catch (error) {
    response.writeHead(error instanceof WebhookError ? 400 : 500).end();
  }
}).listen(Number(PORT), '127.0.0.1');
