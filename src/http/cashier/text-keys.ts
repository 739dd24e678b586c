import type { Reason } from './reason.ts';

interface ReasonText {
  readonly why: string;
  /** What the buyer can do. */
  readonly next: string;
}

/** Everything that the cashier says. `{method}` and `{shop}` are filled in. */
export interface Texts {
  /** BCP 47, for the `lang` attribute. */
  readonly tag: string;
  readonly cashier: string;
  readonly payTo: string;
  readonly amount: string;
  readonly orderNo: string;
  readonly timeLeft: string;
  readonly titles: Readonly<
    Record<
      | 'choose'
      | 'scan'
      | 'redirect'
      | 'inapp'
      | 'preparing'
      | 'closing'
      | 'review'
      | 'paid'
      | 'refunded'
      | 'failed'
      | 'closed',
      string
    >
  >;
  readonly choose: string;
  readonly noWay: string;
  /** Over the ways to pay beside the one that is open. */
  readonly ways: string;
  readonly otherWays: string;
  readonly selected: string;
  readonly away: string;
  readonly chooseNext: string;
  readonly notices: Readonly<Record<'away' | 'often' | 'refused' | 'changed', string>>;
  readonly alreadyPaid: string;
  /** While the page waits for the answer to a click. */
  readonly busy: string;
  readonly scan: string;
  readonly scanOnPhone: string;
  readonly elsewhere: Readonly<Record<'wechat' | 'alipay', string>>;
  readonly copyLabel: string;
  readonly copy: string;
  readonly copied: string;
  readonly qrLabel: string;
  readonly qrBroken: string;
  /** For money that is sent to an address. */
  readonly transfer: Readonly<Record<'send' | 'network' | 'address' | 'exactly', string>>;
  readonly openApp: string;
  readonly pay: string;
  readonly payNote: string;
  readonly inapp: string;
  readonly preparing: string;
  readonly closing: string;
  readonly review: string;
  readonly paid: string;
  readonly refunded: string;
  readonly paidTwice: Readonly<Record<'returned' | 'returning' | 'kept', string>>;
  readonly lastTry: string;
  readonly havePaid: string;
  readonly checked: string;
  readonly backToShop: string;
  readonly updates: string;
  readonly goOn: string;
  readonly goingOn: string;
  readonly notFoundTitle: string;
  readonly notFound: string;
  readonly brokenTitle: string;
  readonly broken: string;
  readonly otherLanguage: string;
  readonly secure: string;
  /** As the words of a sentence: "Pay with {method}". */
  readonly methods: Readonly<Record<string, string>>;
  /** As a name in a list. */
  readonly labels: Readonly<Record<string, string>>;
  readonly reasons: Readonly<Record<Reason, ReasonText>>;
}
