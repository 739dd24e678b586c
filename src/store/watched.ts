import type { PaymentStore, StoreOperation } from './port.ts';

const OPERATIONS: Readonly<Record<keyof PaymentStore, StoreOperation>> = {
  insert: 'insert',
  update: 'update',
  findById: 'read',
  findByOrderNo: 'read',
  list: 'read',
  listCreated: 'read',
  countCreated: 'read',
  listEvents: 'read',
  listDeadEvents: 'read',
  findAhead: 'read',
  countNeeding: 'read',
  counts: 'read',
  dueBacklog: 'read',
  listFailingEndpoints: 'read',
  channelVolume: 'read',
  liveOrders: 'read',
  findOrderNumber: 'read',
  claimDue: 'claim',
  claimPayment: 'claim',
  releaseLease: 'claim',
  saveFailingEndpoint: 'other',
  forgetFailingEndpoint: 'other',
  saveOrderNumber: 'other',
  reserveKey: 'other',
  purgeKeys: 'other',
  ping: 'other',
  close: 'other',
};

/** The same store; `onFailure` hears of everything that it could not do. */
export function watchedStore(store: PaymentStore, onFailure: (operation: StoreOperation) => void): PaymentStore {
  const watch = <A extends readonly unknown[], R>(
    method: keyof PaymentStore,
    call: (...given: A) => Promise<R>,
  ): ((...given: A) => Promise<R>) => {
    return async (...given) => {
      try {
        return await call(...given);
      } catch (thrown) {
        onFailure(OPERATIONS[method]);
        throw thrown;
      }
    };
  };
  return {
    insert: watch('insert', store.insert),
    update: watch('update', store.update),
    findById: watch('findById', store.findById),
    findByOrderNo: watch('findByOrderNo', store.findByOrderNo),
    list: watch('list', store.list),
    listCreated: watch('listCreated', store.listCreated),
    countCreated: watch('countCreated', store.countCreated),
    listEvents: watch('listEvents', store.listEvents),
    listDeadEvents: watch('listDeadEvents', store.listDeadEvents),
    findAhead: watch('findAhead', store.findAhead),
    countNeeding: watch('countNeeding', store.countNeeding),
    counts: watch('counts', store.counts),
    dueBacklog: watch('dueBacklog', store.dueBacklog),
    listFailingEndpoints: watch('listFailingEndpoints', store.listFailingEndpoints),
    channelVolume: watch('channelVolume', store.channelVolume),
    liveOrders: watch('liveOrders', store.liveOrders),
    claimDue: watch('claimDue', store.claimDue),
    claimPayment: watch('claimPayment', store.claimPayment),
    releaseLease: watch('releaseLease', store.releaseLease),
    saveFailingEndpoint: watch('saveFailingEndpoint', store.saveFailingEndpoint),
    forgetFailingEndpoint: watch('forgetFailingEndpoint', store.forgetFailingEndpoint),
    findOrderNumber: watch('findOrderNumber', store.findOrderNumber),
    saveOrderNumber: watch('saveOrderNumber', store.saveOrderNumber),
    reserveKey: watch('reserveKey', store.reserveKey),
    purgeKeys: watch('purgeKeys', store.purgeKeys),
    ping: watch('ping', store.ping),
    close: watch('close', store.close),
  };
}
