import { afterAll, describe } from 'vitest';
import { describeRoutingMemoryContract } from '../../contract/routing-memory-suite.ts';
import { describeStoreContract } from '../../contract/store-suite.ts';
import { startMongo } from '../../services/mongo.ts';
import { describeAdapter } from './adapter.ts';
import { describeOutages } from './outages.ts';
import { temporaryDatabase } from './temporary.ts';

const server = await startMongo();

describe.skipIf('missing' in server)('a real server', () => {
  afterAll(async () => {
    if ('stop' in server) await server.stop();
  });

  const openStore = async () => {
    if ('missing' in server) throw new Error(server.missing);
    const database = temporaryDatabase(server.url);
    let store = await database.open();
    return {
      store,
      async reopen() {
        await store.close();
        store = await database.open();
        return store;
      },
      dispose: database.dispose,
    };
  };

  describeAdapter(() => ('url' in server ? server.url : ''));
  describeOutages(() => ('url' in server ? server.url : ''));
  describeStoreContract('MongoDB', openStore);
  describeRoutingMemoryContract('MongoDB', openStore);
});
