export { type Asked, type Configurations, loadBoth, type Proposal, periodOf, rehearse } from './question.ts';
