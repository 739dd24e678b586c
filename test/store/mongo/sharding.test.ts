import { createConnection } from 'mongoose';
import { expect, test } from 'vitest';
import { rowsOn } from '../../../src/store/mongo/rows.ts';

/** A sharded cluster enforces no other unique index than one that begins with the shard key, and refuses to make one. */
test('nothing but the _id of a collection is unique', async () => {
  const connection = createConnection();
  const { raw: _, ...models } = rowsOn(connection);
  const indexes = Object.values(models).flatMap((model) =>
    model.schema.indexes().map(([fields, options]) => ({ collection: model.collection.name, fields, options })),
  );
  expect(indexes.length).toBeGreaterThan(10);
  expect(indexes.filter(({ options }) => options.unique === true)).toEqual([]);
  await connection.close();
});
