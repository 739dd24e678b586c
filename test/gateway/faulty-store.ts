import type { PaymentStore } from '../../src/store/port.ts';

/** What happens to one call: it works; it fails and nothing is kept; it is kept, and only the answer gets lost. */
export type Fate = 'works' | 'fails' | 'loses_its_answer';

export class StoreOutage extends Error {
  override readonly name = 'StoreOutage';
}

/** The same store behind a bad line: `fateOf` decides for every call. */
export function faultyStore(store: PaymentStore, fateOf: (method: keyof PaymentStore) => Fate): PaymentStore {
  const behind = <A extends readonly unknown[], R>(
    method: keyof PaymentStore,
    call: (...given: A) => Promise<R>,
  ): ((...given: A) => Promise<R>) => {
    return async (...given) => {
      const fate = fateOf(method);
      if (fate === 'fails') throw new StoreOutage(method);
      const answer = await call(...given);
      if (fate === 'loses_its_answer') throw new StoreOutage(method);
      return answer;
    };
  };
  return {
    insert: behind('insert', store.insert),
    findById: behind('findById', store.findById),
    findByOrderNo: behind('findByOrderNo', store.findByOrderNo),
    update: behind('update', store.update),
    list: behind('list', store.list),
    listCreated: behind('listCreated', store.listCreated),
    countCreated: behind('countCreated', store.countCreated),
    claimDue: behind('claimDue', store.claimDue),
    claimPayment: behind('claimPayment', store.claimPayment),
    releaseLease: behind('releaseLease', store.releaseLease),
    dueBacklog: behind('dueBacklog', store.dueBacklog),
    listEvents: behind('listEvents', store.listEvents),
    listDeadEvents: behind('listDeadEvents', store.listDeadEvents),
    findAhead: behind('findAhead', store.findAhead),
    findOrderNumber: behind('findOrderNumber', store.findOrderNumber),
    saveOrderNumber: behind('saveOrderNumber', store.saveOrderNumber),
    countNeeding: behind('countNeeding', store.countNeeding),
    saveFailingEndpoint: behind('saveFailingEndpoint', store.saveFailingEndpoint),
    forgetFailingEndpoint: behind('forgetFailingEndpoint', store.forgetFailingEndpoint),
    listFailingEndpoints: behind('listFailingEndpoints', store.listFailingEndpoints),
    reserveKey: behind('reserveKey', store.reserveKey),
    purgeKeys: behind('purgeKeys', store.purgeKeys),
    channelVolume: behind('channelVolume', store.channelVolume),
    liveOrders: behind('liveOrders', store.liveOrders),
    counts: behind('counts', store.counts),
    ping: behind('ping', store.ping),
    close: behind('close', store.close),
  };
}
