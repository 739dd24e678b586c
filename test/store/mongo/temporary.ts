import { randomBytes } from 'node:crypto';
import { type Connection, createConnection } from 'mongoose';
import { type MongoOptions, type MongoStore, openMongoStore } from '../../../src/store/mongo/index.ts';

export interface TemporaryDatabase {
  readonly url: string;
  open(options?: Partial<MongoOptions>): Promise<MongoStore>;
  /** What another program does to the same database. */
  meddle<T>(act: (connection: Connection) => Promise<T>): Promise<T>;
  /** Closes what was opened and drops the database. */
  dispose(): Promise<void>;
}

/** A database of its own on a server that runs. */
export function temporaryDatabase(server: string): TemporaryDatabase {
  const url = `${server}/switchyard_${randomBytes(6).toString('hex')}`;
  const opened: MongoStore[] = [];
  return {
    url,
    async open(options = {}) {
      const process = randomBytes(4).toString('hex');
      const store = await openMongoStore({ url, process, now: Date.now, ...options });
      opened.push(store);
      return store;
    },
    async meddle(act) {
      const connection = await createConnection(url).asPromise();
      return act(connection).finally(() => connection.close());
    },
    async dispose() {
      await Promise.all(opened.map((store) => store.close()));
      const connection = await createConnection(url).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}
