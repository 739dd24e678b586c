import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { StoreUnavailable } from '../../../src/store/index.ts';
import { explain } from '../../../src/store/mongo/failures.ts';

/** What Node says of a write in the moment after the other side has gone. */
async function writtenTooLate(): Promise<unknown> {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect(port, '127.0.0.1').resume();
  await once(socket, 'end');
  const failed = new Promise<unknown>((resolve) => socket.once('error', resolve));
  socket.write('x');
  return failed.finally(() => server.close());
}

test('a connection that the other side has ended is an outage, though the error names no system call', async () => {
  const error = await writtenTooLate();
  expect(error).toMatchObject({ code: 'EPIPE' });
  expect(error).not.toHaveProperty('syscall');
  expect(explain(error)).toBeInstanceOf(StoreUnavailable);
});

test('a mistake of the program is none', () => {
  const mistake = Object.assign(new TypeError('The argument must be a string'), { code: 'ERR_INVALID_ARG_TYPE' });
  expect(explain(mistake)).toBe(mistake);
  const own = new Error('store: it is closed');
  expect(explain(own)).toBe(own);
});
