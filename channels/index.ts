import type { Provider } from '../src/channel/index.ts';
import { provider as alipay } from './alipay/index.ts';
import { provider as epay } from './epay/index.ts';
import { provider as paypal } from './paypal/index.ts';
import { provider as stripe } from './stripe/index.ts';
import { provider as usdt } from './usdt/index.ts';
import { provider as wechatpay } from './wechatpay/index.ts';

/** Every provider that a channel in `gateway.yaml` may name. A new provider folder is added here, and nowhere else. */
export const PROVIDERS: readonly Provider[] = [alipay, wechatpay, stripe, paypal, epay, usdt];
