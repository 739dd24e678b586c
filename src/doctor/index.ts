export type { Diagnosis } from './diagnosis.ts';
export type { EpayDoctor, EpayOverview, NoticeView, RequestView, ShopLine, ShopReport } from './model.ts';
export { diagnoseNotice, type NoticeFacts } from './notices.ts';
export { epayOverview, type ShopFacts, shopReport } from './report.ts';
export { diagnoseRequest, type RequestFacts } from './requests.ts';
