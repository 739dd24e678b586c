import { describeStoreContract } from '../contract/store-suite.ts';
import { createMemoryStore, emptyData } from './memory-store.ts';

describeStoreContract('memory', async () => {
  const data = emptyData();
  let store = createMemoryStore({ data, freeze: true });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = createMemoryStore({ data, freeze: true });
      return store;
    },
    dispose: () => store.close(),
  };
});
