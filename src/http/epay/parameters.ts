import { type ParameterFault, type Parameters, parametersOf, readUrlEncoded } from '../../epay/index.ts';
import { err, ok, type Result } from '../../payment/index.ts';
import type { EdgeContext } from '../context.ts';
import { readBody } from '../read-body.ts';

type Fault = ParameterFault | 'unreadable';

/** The parameters of one request. */
export interface Sent {
  /** The set that is signed. */
  readonly parameters: Parameters;
  /** The query and the body together, for calls that name the key itself and sign nothing. */
  readonly everything: Parameters;
  /** The other half of a form with a query, which does not count: some sign over both. Null where there is nothing. */
  readonly beside: Parameters | null;
}

const NOTHING: Parameters = new Map();
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the set that is signed: the query when it has a `pid`, else the body. For a signature the two are never merged, since clients
 * post their forms to addresses with a query that nobody signs.
 */
export async function readSent(ctx: EdgeContext): Promise<Result<Sent, Fault>> {
  const query = readUrlEncoded(queryBytes(ctx.req.url ?? ''));
  if (ctx.method !== 'POST')
    return query.ok ? ok({ parameters: query.value, everything: query.value, beside: null }) : query;
  const isInQuery = query.ok && query.value.has('pid');
  const body = await readForm(ctx);
  if (!body.ok && !isInQuery) return body;
  const [asked, posted] = [query.ok ? query.value : NOTHING, body.ok ? body.value : NOTHING];
  const [parameters, other] = isInQuery ? [asked, posted] : [posted, asked];
  const everything = new Map([...asked, ...posted, ...parameters]);
  return ok({ parameters, everything, beside: other.size > 0 ? other : null });
}

/** What stands behind the `?`, byte by byte. */
function queryBytes(target: string): Uint8Array {
  const at = target.indexOf('?');
  return at < 0 ? new Uint8Array() : Buffer.from(target.slice(at + 1), 'latin1');
}

async function readForm(ctx: EdgeContext): Promise<Result<Parameters, Fault>> {
  const body = await readBody(ctx.req);
  if (!body.ok) return err('unreadable');
  const contentType = ctx.get('content-type');
  const kind = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (kind === 'multipart/form-data') return readMultipart(body.value, contentType);
  return kind === '' || kind === 'application/x-www-form-urlencoded' ? readUrlEncoded(body.value) : ok(NOTHING);
}

/** PHP's curl sends a form like this when it is given an array. Files are nothing that anybody signs. */
async function readMultipart(body: Buffer, contentType: string): Promise<Result<Parameters, Fault>> {
  try {
    // The parser below puts a question mark into the place of what is not UTF-8.
    UTF8.decode(body);
  } catch {
    return err('bad_encoding');
  }
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
    return parametersOf([...form].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return err('unreadable');
  }
}
