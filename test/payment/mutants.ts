/** One rule taken out of the core, and the properties that must notice. */
export interface Mutant {
  readonly removes: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Some words of the `says` of each property that has to fail. */
  readonly caughtBy: readonly string[];
}

/** Every property is named at least once, so each is shown able to fail. `find` must occur exactly once in the file. */
export const MUTANTS: readonly Mutant[] = [
  {
    removes: 'the order number of a payment is fixed',
    file: 'apply-attempt.ts',
    find: 'return next({ ...payment, attempts: [...payment.attempts, creating] });',
    replace: "return next({ ...payment, merchantOrderNo: 'other', attempts: [...payment.attempts, creating] });",
    caughtBy: ['what the shop asked for never changes'],
  },
  {
    removes: 'a second success is surplus',
    file: 'apply-observed.ts',
    find: "if (effectiveAttempt(payment) !== undefined) return 'surplus';",
    replace: '',
    caughtBy: ['takes effect at most once'],
  },
  {
    removes: 'money is not undone by a later "closed"',
    file: 'apply-observed.ts',
    find: "if (!isUnresolved(attempt)) return ignored('already_resolved');\n  const status = seen",
    replace: 'const status = seen',
    caughtBy: ['money that arrived is never dropped'],
  },
  {
    removes: 'a delivery counts once',
    file: 'apply-delivery.ts',
    find: "if (fact.tryNo !== tries) return ignored('repeat');",
    replace: '',
    caughtBy: ['the same fact twice equals the fact once'],
  },
  {
    removes: 'event ids come from the transition',
    file: 'apply.ts',
    find: 'eventIdOf(payment.id, payment.status)',
    replace: 'eventIdOf(payment.id, String(now))',
    caughtBy: ['an event id comes from payment and transition'],
  },
  {
    removes: 'the event is written with the change',
    file: 'apply.ts',
    find: 'events: [...settled.events, event] } : settled',
    replace: 'events: settled.events } : settled',
    caughtBy: ['comes with its event in the same document'],
  },
  {
    removes: 'the amount of a success is checked',
    file: 'apply-observed.ts',
    find: "if (seen.amount !== null && seen.amount.minor !== attempt.amount.minor) return 'amount_mismatch' as const;",
    replace: '',
    caughtBy: ['another amount, currency or account'],
  },
  {
    removes: 'the currency of a success is checked',
    file: 'apply-observed.ts',
    find: "if (seen.amount !== null && seen.amount.currency !== attempt.amount.currency) return 'currency_mismatch' as const;",
    replace: '',
    caughtBy: ['another amount, currency or account'],
  },
  {
    removes: 'the account of a success is checked',
    file: 'apply-observed.ts',
    find: "if (seen.account !== null && seen.account !== attempt.account) return 'account_mismatch' as const;",
    replace: '',
    caughtBy: ['another amount, currency or account'],
  },
  {
    removes: 'a new attempt waits for the earlier one',
    file: 'apply-attempt.ts',
    find: "if (payment.attempts.some((a) => a.status === 'creating' || a.status === 'open')) return rejected('live_attempt');",
    replace: '',
    caughtBy: ['never has two live ways to pay'],
  },
  {
    removes: 'a late answer does not open an unknown attempt',
    file: 'apply-attempt.ts',
    find: "if (attempt.status !== 'creating') return ignored('late_answer');\n  const { action",
    replace:
      "if (attempt.status !== 'creating' && attempt.status !== 'unknown') return ignored('late_answer');\n  const { action",
    caughtBy: ['an unknown outcome is settled only by what the channel says'],
  },
  {
    removes: 'unknown attempts are closed at their provider',
    file: 'agenda.ts',
    find: "attempt.status === 'unknown' ||\n    payment.closeRequested",
    replace: 'payment.closeRequested',
    caughtBy: ['planned to be asked about until it is resolved'],
  },
  {
    removes: 'the expiry is planned',
    file: 'agenda.ts',
    find: "wanted.push({ kind: 'expire', at: payment.expiresAt });",
    replace: '{}',
    caughtBy: ['whatever is not finished has a due time'],
  },
  {
    removes: 'one event at a time',
    file: 'agenda.ts',
    find: 'eventId: event.id });\n    break;',
    replace: 'eventId: event.id });',
    caughtBy: ['only the first undelivered one is planned'],
  },
  {
    removes: 'the amount is fixed',
    file: 'apply-attempt.ts',
    find: "return next(opened.status === 'created' ? { ...opened, status: 'pending' } : opened);",
    replace:
      "return next({ ...opened, status: 'pending', amount: { ...opened.amount, minor: opened.amount.minor / 3 } });",
    caughtBy: ['amounts are safe integers'],
  },
];
