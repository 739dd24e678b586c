import { describeRoutingMemoryContract } from '../../contract/routing-memory-suite.ts';
import { openTemporaryStore } from './temporary.ts';

describeRoutingMemoryContract('SQLite', openTemporaryStore);
