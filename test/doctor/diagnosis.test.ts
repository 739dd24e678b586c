import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diagnoseNotice, diagnoseRequest, type NoticeFacts, type RequestFacts } from '../../src/doctor/index.ts';
import { lookOfAnswer, shownAnswer } from '../../src/epay/index.ts';

const request = (set: Partial<RequestFacts>) =>
  diagnoseRequest({
    ...{ endpoint: 'submit', method: 'GET', outcome: 'bad_signature', sign: 'md5', names: ['pid', 'money'] },
    ...{ nearMiss: null, shop: { merchantId: 'm_a', pid: 1000, signs: ['sha256'], notifyHosts: ['a.example'] } },
    ...set,
  });

describe('a request is put into words', () => {
  test.each<[string, Partial<RequestFacts>, RegExp, RegExp]>([
    ['a key of another shop', { nearMiss: 'foreign_key', keyOf: 'm_b' }, /another merchant's key/, /pid of m_b/],
    ['a blank behind the key', { nearMiss: 'key_with_blanks' }, /wrong key or signature/, /without them/],
    ['&key=', { nearMiss: 'key_in_string' }, /wrong key/, /follows the last value/],
    ['encoded values', { nearMiss: 'url_encoded_values' }, /wrong key/, /before they are encoded/],
    ['query and form together', { nearMiss: 'query_merged' }, /wrong key/, /either in the query or in the form/],
    ['no usual mistake', {}, /wrong key or signature/, /rotate m_a --epay-key/],
    ['the key itself', { names: ['pid', 'key'], endpoint: 'api' }, /^wrong key$/, /rotate m_a --epay-key/],
    ['a word that is not known yet', { nearMiss: 'toString' }, /wrong key/, /rotate m_a/],
    ['another kind', { outcome: 'sign_kind_refused' }, /md5 are not accepted/, /Add md5 to merchants\.m_a\.epay\.sign/],
    ['a pid of nobody', { outcome: 'unknown_pid', shop: null, pid: 77 }, /unknown pid 77/, /same shop/],
    ['the pid of another', { outcome: 'unknown_pid', shop: null, pid: 7, keyOf: 'm_b' }, /wrong pid 7/, /pid of m_b/],
    ['a host', { outcome: 'bad_notify_url', host: 'b.example' }, /may not go to b\.example/, /notify_hosts/],
    ['no address', { outcome: 'bad_notify_url' }, /no usable web address/, /site URL/],
    ['another content', { outcome: 'changed_order' }, /another content/, /new order number/],
    ['a paid order', { outcome: 'paid_order' }, /paid already/, /acknowledged/],
    ['an amount', { outcome: 'bad_money' }, /amount/, /price/],
    ['an ambiguous string', { outcome: 'split_value', shop: null }, /ambiguous/, /product names/],
  ])('%s', (_what, facts, verdict, cure) => {
    const said = request(facts);
    expect(said.verdict).toMatch(verdict);
    expect(said.cure).toMatch(cure);
    expect(said.state).not.toBe('well');
  });

  test('whatever stands in the record', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string()), (outcome, nearMiss) => {
        const said = request({ outcome: outcome as RequestFacts['outcome'], nearMiss });
        expect(typeof said.verdict).toBe('string');
      }),
    );
    expect(request({ outcome: 'constructor' as RequestFacts['outcome'] }).state).toBe('unsure');
  });
});

const notice = (set: Partial<NoticeFacts>) =>
  diagnoseNotice({
    ...{ tryNo: 1, url: 'https://shop.example/n', outcome: 'failed', status: null, answer: '' },
    ...set,
  });

describe('a notification is put into words', () => {
  const cloudflareBlock = `<!DOCTYPE html>\n${'<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->\n'.repeat(5)}<title>Attention Required! | Cloudflare</title>`;
  test.each<[string, number, string, RegExp, string?]>([
    ['Cloudflare asks', 403, '<html><head><title>Just a moment...</title>', /CDN/],
    ['Cloudflare blocks', 403, cloudflareBlock, /CDN/],
    ['its ray', 503, '<html><script src="/cdn-cgi/challenge-platform/h/b/orchestrate"></script>', /CDN/],
    ['the BT panel', 403, '<html><title>宝塔网站防火墙</title>', /宝塔/],
    ['no site in the BT panel', 404, '<html><title>没有找到站点</title>', /does not serve this shop/],
    ['a firewall', 200, '<html><body>您的访问被拒绝 访问被拒绝</body></html>', /firewall/],
    ['a bare 403', 403, '', /firewall/],
    ['a login', 200, '<html><form><input name="p" type="password"></form>', /login page/],
    ['a redirect to a login', 302, '', /login page/, 'https://shop.example/user/login'],
    ['a redirect to https', 301, '<html>301</html>', /redirects to https/, 'https://www.shop.example/n'],
    ['a redirect', 302, '', /the shop redirects$/, 'http://shop.example/thanks'],
    ['a wrong route', 404, '<html><title>404 Not Found</title>', /nothing is at this address/],
    ['a POST route', 405, '', /takes no GET/],
    ['PHP', 200, '<br />\n<b>Fatal error</b>:  Uncaught Error: Call to undefined function', /crashed/],
    ['Laravel', 500, '{"message":"Server Error","exception":"Illuminate\\\\Database\\\\QueryException"}', /crashed/],
    ['nothing', 200, ' \n', /empty/],
    ['fail', 200, 'fail', /refused the notification/],
    ['v2board', 500, '{"message":"handle error"}', /refused the notification/],
    ['a 422', 422, '{"status":"fail"}', /refused the notification/],
    ['nginx', 502, '<html><title>502 Bad Gateway</title>', /behind the web server/],
    ['the front page', 200, '<!doctype html><title>My shop</title>', /web page answers/],
    ['the word in a sentence', 200, 'this success is not one', /word success/],
    ['something else', 200, 'true', /not said success/],
  ])('%s', (_what, status, body, verdict, location) => {
    const look = lookOfAnswer({ status, body, ...(location === undefined ? {} : { location }) });
    const facts = { outcome: 'unacknowledged', status, answer: body.slice(0, 200), look };
    const said = notice({ ...facts, ...(location === undefined ? {} : { location }) });
    expect(said.verdict).toMatch(verdict);
    expect(said.cure).not.toBe('');
  });

  test.each<[string, RegExp]>([
    ['TimeoutError', /too long/],
    ['UND_ERR_CONNECT_TIMEOUT', /too long/],
    ['CERT_HAS_EXPIRED', /certificate/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /certificate/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /certificate/],
    ['ENOTFOUND', /name of the shop/],
    ['ECONNREFUSED', /nobody answers/],
    ['ECONNRESET', /broke off/],
    ['private_address', /private/],
    ['port', /port/],
    ['credentials', /may not be called/],
    ['of another program', /could not be sent/],
  ])('without an answer: %s', (answer, verdict) => {
    expect(notice({ answer }).verdict).toMatch(verdict);
  });

  test('a repeat that is refused may have been booked before', () => {
    const refused = { outcome: 'unacknowledged', status: 200, answer: 'fail', look: 'says_fail' } as const;
    expect(notice(refused).state).toBe('wrong');
    expect(notice({ ...refused, tryNo: 2 })).toMatchObject({
      state: 'unsure',
      why: expect.stringContaining('dujiaoka'),
    });
  });

  test('and one that was taken is well', () => {
    expect(notice({ outcome: 'delivered', status: 200, answer: 'success' }).state).toBe('well');
  });

  test('whatever a shop answers, in a short time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.string({ maxLength: 400 }), (status, body) => {
        expect(typeof notice({ status, answer: body, look: lookOfAnswer({ status, body }) }).verdict).toBe('string');
      }),
    );
    for (const piece of ['<', 'sign', 'uncaught a\\', '<title>', 'access ', '<input ', 'aA1%'])
      expect(lookOfAnswer({ status: 200, body: piece.repeat(4_096) })).not.toBe('acknowledged');
  });
});

test('an answer is shown without key and signature, however a page repeats them', () => {
  const key = 'aVerySecretKeyOfTheShop0123456789';
  const sign = '22e19b6153aab444f8bdc2342e0f4e48';
  const rsa = `${'aB3/+'.repeat(68)}QQ==`;
  const bodies = [
    `{"sign":"${sign}","key":"${key}"}`,
    `?pid=1&sign=${sign.toUpperCase()}&sign_type=MD5`,
    `<a href="/n?sign=${encodeURIComponent(rsa)}">`,
    `array ( 'sign' => '${sign.slice(0, 20)}' )`,
    `money=1.00&pid=1000${key} != ${sign}`,
    `${'x'.repeat(190)}${key}`,
  ];
  for (const body of bodies) {
    const shown = shownAnswer(body, [key], 200);
    for (const secret of [key.slice(0, 8), sign.slice(0, 12), sign.slice(0, 12).toUpperCase(), rsa.slice(0, 12)])
      expect(shown).not.toContain(secret);
    expect(shown).toContain('...');
  }
  expect(shownAnswer('\u202Eevil 😀', [], 6)).toBe('evil \uFFFD');
});
