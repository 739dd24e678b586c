import type { Payment } from '../payment/index.ts';
import type { Gateway } from './api.ts';
import type { Parts } from './parts.ts';

/** Who wants to hear of the changes of a payment that this process commits. Others have to look for themselves. */
export function createWatchers({ telemetry }: Pick<Parts, 'telemetry'>) {
  const listeners = new Map<string, Set<(payment: Payment) => void>>();

  const watch: Gateway['watch'] = (paymentId, onChange) => {
    const ofPayment = listeners.get(paymentId) ?? new Set();
    listeners.set(paymentId, ofPayment.add(onChange));
    return () => {
      ofPayment.delete(onChange);
      if (ofPayment.size === 0 && listeners.get(paymentId) === ofPayment) listeners.delete(paymentId);
    };
  };

  /** A listener that throws keeps neither the change nor the others from going on. */
  function tell(payment: Payment): void {
    for (const listener of [...(listeners.get(payment.id) ?? [])]) {
      try {
        listener(payment);
      } catch (thrown) {
        telemetry.error({ paymentId: payment.id, err: thrown }, 'a watcher of a payment failed');
      }
    }
  }

  return { watch, tell };
}
