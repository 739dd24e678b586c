export { describePayment } from './document.ts';
export { beginning, recollect } from './recollection.ts';
export { describeTimeline, momentsOf } from './timeline.ts';
