import { describeStoreContract } from '../../contract/store-suite.ts';
import { openTemporaryStore } from './temporary.ts';

describeStoreContract('SQLite', async () => openTemporaryStore());
