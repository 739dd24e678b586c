import { isAcknowledged, ownQuery } from './notice.ts';

/** What stands behind an answer that a shop's address gave to a notification. */
export type AnswerLook =
  | 'acknowledged'
  | 'challenge'
  | 'bt_waf'
  | 'blocked'
  | 'no_site'
  | 'says_fail'
  | 'login'
  | 'redirect_https'
  | 'redirect'
  | 'not_found'
  | 'wrong_method'
  | 'program_error'
  | 'origin_down'
  | 'server_error'
  | 'empty'
  | 'word_inside'
  | 'page'
  | 'other';

export interface ShopAnswer {
  readonly status: number;
  /** As far as it was read. */
  readonly body: string;
  /** Of a redirect: where to, without its query. */
  readonly location?: string;
  /** What the `Server` header says. */
  readonly server?: string;
}

const CHALLENGE =
  /just a moment|challenge-platform|cf[-_]chl|cf-mitigated|checking your browser|attention required! \| cloudflare|ddos-guard|_incapsula_|人机验证|滑动验证|正在进行安全/i;
const BT_WAF = /btwaf|bt_waf|宝塔|网站防火墙|您的请求带有不合法参数|已被(?:该)?网站管理员设置拦截/i;
const BLOCKED =
  /访问被(?:拒绝|拦截|阻断)|请求被拦截|access denied|request blocked|has been blocked|safedog|安全狗|云锁|errors\.aliyun\.com|security policy|web application firewall/i;
const NO_SITE =
  /没有找到站点|未找到站点|站点已(?:停止|暂停|过期)|恭喜.{0,12}站点创建成功|welcome to nginx!|apache2? (?:\S+ )?default page|account (?:has been )?suspended|未备案|域名未绑定/i;
const PROGRAM_ERROR =
  /<b>(?:fatal error|parse error|warning|notice|deprecated)<\/b>|php (?:fatal|parse) error|(?:fatal|parse) error:|uncaught (?:\w+\\)*(?:error|exception|\w+exception)|whoops, looks like|stack trace|系统发生错误|页面错误！请稍后再试|illuminate\\|think\\exception/i;
const LOGIN = /<input[^<>]{0,200}type=["']?password|<title>[^<]{0,80}(?:登录|登陆|log ?in|sign ?in)/i;
/** The words by which clients refuse, `error` and `fail` foremost; in JSON as well. */
const SAYS_FAIL =
  /^\W*(?:fail(?:ed|ure)?|error|false|refused)\b|(?:sign(?:ature)?|签名|验签|verify|handle|密钥).{0,16}(?:error|fail|invalid|错误|失败|不正确|不通过)|(?:invalid|bad|wrong) sign|金额(?:不|错)|"(?:fail|failed|error)"/i;
/** Long pages hold such words without meaning them. */
const SAID_CHARS_MAX = 600;

/** Tells what kind of thing answered, from what its kind usually says. Pure; a guess, except for the status. */
export function lookOfAnswer(answer: ShopAnswer): AnswerLook {
  const { status, body, server = '' } = answer;
  if (isAcknowledged(status, body)) return 'acknowledged';
  if (status >= 300 && status < 400) return redirectLook(answer.location ?? '');
  const shown = `${body}\n`.slice(0, 8_192);
  if (CHALLENGE.test(shown)) return 'challenge';
  if (NO_SITE.test(shown)) return 'no_site';
  if (BT_WAF.test(shown)) return 'bt_waf';
  if (BLOCKED.test(shown)) return 'blocked';
  if (PROGRAM_ERROR.test(shown)) return 'program_error';
  if (LOGIN.test(shown)) return 'login';
  const said = textOf(body);
  if (said.length <= SAID_CHARS_MAX && !isPage(body) && SAYS_FAIL.test(said)) return 'says_fail';
  if (status === 403 && /cloudflare|ddos-guard/i.test(server)) return 'challenge';
  return lookOfStatus(status) ?? lookOfText(body, said);
}

function redirectLook(location: string): AnswerLook {
  const path = URL.parse(location, 'http://shop.invalid')?.pathname ?? '';
  if (/(?:^|[/_-])(?:log-?in|sign-?in|auth)(?:[/._-]|$)/i.test(path)) return 'login';
  return /^https:/i.test(location) ? 'redirect_https' : 'redirect';
}

function lookOfStatus(status: number): AnswerLook | null {
  if (status === 401) return 'login';
  if (status === 403 || status === 406 || status === 429 || status === 444) return 'blocked';
  if (status === 404 || status === 410) return 'not_found';
  if (status === 405) return 'wrong_method';
  if ([502, 503, 504].includes(status) || (status >= 520 && status <= 530)) return 'origin_down';
  if (status >= 500) return 'server_error';
  return status >= 400 ? 'says_fail' : null;
}

function lookOfText(body: string, said: string): AnswerLook {
  if (body.replaceAll('\uFEFF', '').trim() === '') return 'empty';
  if (/(?<![\p{L}\p{N}_])success(?![\p{L}\p{N}_])/iu.test(said)) return 'word_inside';
  return isPage(body) ? 'page' : 'other';
}

function textOf(body: string): string {
  return body
    .replaceAll('\uFEFF', '')
    .replaceAll(/<[^<>]*>/g, ' ')
    .trim();
}

function isPage(body: string): boolean {
  return /<(?:!doctype|html|head|body|title)\b/i.test(body);
}

/** What is shorter is a word such as a number or `epay`, and no secret. */
const SECRET_CHARS_MIN = 6;

/** What must not be shown of an answer to a request to this address: the shop's keys, and what its own query may hold. */
export function secretsIn(url: string, keys: readonly string[]): readonly string[] {
  const query = ownQuery(url);
  const own = query
    .slice(
      0,
      Math.max(
        0,
        query.findLastIndex(([name]) => name === 'pid'),
      ),
    )
    .map(([, value]) => value);
  return [...keys, ...own.filter((value) => value.length >= SECRET_CHARS_MIN)];
}

/**
 * The beginning of an answer as it can be shown: pages of frameworks repeat what they were asked, with its signature, and some even the
 * key that they have checked it with.
 */
export function shownAnswer(body: string, secrets: readonly string[], charsMax: number): string {
  const longestFirst = secrets.filter((secret) => secret !== '').toSorted((a, b) => b.length - a.length);
  let text = body;
  for (const secret of longestFirst) {
    for (const form of new Set([secret, encodeURIComponent(secret), secret.replaceAll('/', '\\/')]))
      text = text.replaceAll(form, '...');
  }
  const plain = withoutSignatures(text)
    .replaceAll(/\p{Bidi_Control}/gu, '')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '?');
  return plain.slice(0, charsMax).toWellFormed();
}

/** Whatever has the form of a signature: digests in hexadecimal and long base64, whole or cut off. */
function withoutSignatures(text: string): string {
  return text
    .replaceAll(/(sign(?:["'\]]|&quot;)*\s*(?:=>|=|:|%3D)\s*(?:["']|&quot;)?)[A-Za-z0-9+/%=_\\-]+/gi, '$1...')
    .replaceAll(/(?<![0-9A-Za-z])[0-9a-f]{32}(?:[0-9a-f]{32})?(?![0-9A-Za-z])/gi, '...')
    .replaceAll(/[A-Za-z0-9+/%]{120,}={0,2}/g, '...');
}
