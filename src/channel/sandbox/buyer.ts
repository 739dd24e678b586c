import { request } from 'undici';

const TIMEOUT_MS = 5_000;

/**
 * Presses the cashier's pay button as a buyer would: `GET <publicUrl>/pay/<payment id>/go`, whose redirect leads to the
 * channel's pay page. Returns that page's URL, null when the cashier gives none. Follows nothing.
 */
export async function openCashier(publicUrl: string, paymentId: string, closing: AbortSignal): Promise<string | null> {
  const url = URL.parse(`${publicUrl.replace(/\/+$/, '')}/pay/${paymentId}/go`);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  const signal = AbortSignal.any([closing, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const answer = await request(url.href, { signal, headers: { accept: 'text/html' } });
    await answer.body.dump();
    const location = answer.headers.location;
    if (answer.statusCode < 300 || answer.statusCode > 399 || typeof location !== 'string') return null;
    return URL.parse(location, url.href)?.href ?? null;
  } catch {
    return null;
  }
}
