import type { Running } from './main.ts';

const DEMO_KEY = 'sk_sandbox_demo';

/** What a start prints: where everything is, and in the sandbox one line that creates a payment. */
export function demoGreeting({ publicUrl, listenUrl, adminUrl, sandboxUrl, config }: Running): string {
  const lines = [
    `Switchyard is ready.`,
    `  merchant API and cashier  ${publicUrl}`,
    ...(listenUrl === publicUrl ? [] : [`  listening on              ${listenUrl}`]),
    `  its description           ${publicUrl}/docs`,
    `  metrics and health        ${adminUrl}`,
    `  status page               ${adminUrl}/admin/`,
    ...(sandboxUrl === null ? [] : [`  sandbox                   ${sandboxUrl}`]),
    `  channels                  ${config.channels.map(({ id }) => id).join(', ')}`,
  ];
  if (sandboxUrl === null || !config.merchants.bySecretKey(DEMO_KEY)) return lines.join('\n');
  const order =
    '{"merchant_order_no":"A1000","amount":1000,"currency":"CNY","methods":["alipay"],"scene":"qr","subject":"Game key"}';
  return [
    ...lines,
    `  demo merchant             m_demo, secret key ${DEMO_KEY}`,
    '',
    'Create a payment:',
    '',
    `  curl -s ${publicUrl}/v1/payments -H 'Authorization: Bearer ${DEMO_KEY}' -H 'Content-Type: application/json' -d '${order}'`,
    '',
  ].join('\n');
}
