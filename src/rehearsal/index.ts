export { type Asked, type Configurations, loadBoth, type Proposal, periodOf, rehearse } from './question.ts';
export { createIntern, recordedPayment } from './recorded-payment.ts';
export { readScenario } from './scenario-file.ts';
