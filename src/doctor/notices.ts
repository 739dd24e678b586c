import { type AnswerLook, lookOfAnswer } from '../epay/index.ts';
import type { EpayNoticeNote } from '../gateway/index.ts';
import { type Diagnosis, unsure, well, wrong } from './diagnosis.ts';

export type NoticeFacts = Omit<EpayNoticeNote, 'at' | 'eventId'>;

type Words = readonly [verdict: string, why: string, cure: string];

const ALLOW = 'let the path of notify_url through there, or the addresses that this gateway calls from';

const BY_LOOK: Readonly<Record<Exclude<AnswerLook, 'acknowledged'>, Words>> = {
  challenge: [
    'a CDN stands before the shop and wants to see a browser',
    'The answer is a challenge page (Cloudflare "Just a moment" and the like), which only a browser can pass. The shop itself has seen nothing.',
    `At the CDN (Cloudflare: Security, WAF, custom rules, action Skip) ${ALLOW}; switch "under attack" and bot fight modes off for that path.`,
  ],
  bt_waf: [
    "the server's 宝塔 (BT) firewall blocks the notification",
    'The answer is the page of the firewall of the BT panel. The shop itself has seen nothing.',
    `In the BT panel, at the firewall (网站防火墙): ${ALLOW} (URL 白名单, IP 白名单).`,
  ],
  blocked: [
    'a firewall or the web server refuses the notification',
    'Something before the shop answers that access is denied. The shop itself has seen nothing.',
    `Find out what it is (CDN, web application firewall, rules for countries or user agents), and ${ALLOW}.`,
  ],
  no_site: [
    'the web server does not serve this shop',
    'The answer is a standing page of the server or its host: no such site, an empty one, or one that was suspended.',
    "Check the domain of the shop and where it points; the address is built from the shop's site URL in its settings.",
  ],
  says_fail: [
    'the shop has refused the notification',
    'Its plug-in runs and says no: most likely another key than ours, or an amount or order that it does not find.',
    "Compare the key (its fingerprint is above) with the one in the plug-in, and look into the shop's own log.",
  ],
  login: [
    'a login page answers',
    'The address of the notification asks for a login: it is not the public one of the plug-in, or the whole site is closed.',
    'Open the path for everybody (a closed test site, Basic authentication, a members-only plug-in), or correct the address.',
  ],
  redirect_https: [
    'the shop redirects to https',
    'It answers with a redirect to another https address. Only a redirect to the very same address with https is followed.',
    "Set the shop's own address (site URL) to the final one: https, with or without www as it redirects.",
  ],
  redirect: [
    'the shop redirects',
    'It answers with a redirect instead of the word success, which is not followed. Some plug-ins (WHMCS) do so after they have booked.',
    "If the order is booked there, all is well; else set the shop's own address (site URL) to the one that it redirects to.",
  ],
  not_found: [
    'nothing is at this address',
    'The server answers that there is no such page: the plug-in is off, or rewriting of addresses is not set up.',
    "Switch the payment method of the plug-in on, and set the rewrite rules (伪静态) of the shop's program on its server.",
  ],
  wrong_method: [
    'the address takes no GET',
    'Notifications of this protocol come by GET; the server allows other methods only.',
    'Allow GET for the path; check that it is the notify address of an epay plug-in.',
  ],
  program_error: [
    "the shop's program has crashed",
    'The answer is an error page of PHP or of its framework. The order may have been booked before that.',
    "Look into the shop's own log; often the plug-in does not fit its version of PHP. Cure it, then send the notification again.",
  ],
  origin_down: [
    'the program behind the web server does not answer',
    'A web server or CDN stands before the shop and could not reach it (502, 503, 504, 52x).',
    "Start the shop's program (PHP-FPM, Docker container), and check where its proxy points. It is told again by itself.",
  ],
  server_error: [
    'the shop answers with an error',
    'A status of 500 and above: its program has failed, or refuses in this way (v2board does, with a wrong key).',
    "Look into the shop's own log, and compare the key. It is told again by itself.",
  ],
  empty: [
    'the answer is empty',
    'The shop has answered without the word success. The program may have stopped on the way, or the address is not the one of the plug-in.',
    "Check whether the order is booked; if not, look into the shop's own log.",
  ],
  word_inside: [
    'the word success stands in other text',
    'An answer counts when it is the word, or begins or ends with it; here it stands in the middle, where it may mean anything.',
    'Switch off what adds text to the answer (debug bar, analytics, advertisements of the host).',
  ],
  page: [
    'a web page answers, not the plug-in',
    'The answer is HTML without the word success: the front page for an unknown address, a maintenance page, or one of a firewall.',
    'Open the address in a browser and see what it is; check rewriting of addresses and whether the shop is in maintenance.',
  ],
  other: [
    'the shop has not said success',
    'It answers something else, shown here.',
    'Check whether the order is booked. What the plug-in says should tell the reason.',
  ],
};

const DNS: Words = [
  'the name of the shop cannot be found',
  'The name servers know no address for the host, or do not answer.',
  "Check the domain in the shop's site URL (a typing mistake, expired, no A record), and the DNS of this machine.",
];
const SLOW: Words = [
  'the shop takes too long',
  'No whole answer came in time. It may have booked all the same.',
  "Check whether the server is up and lets this gateway's address through; a firewall that drops packets looks like this. It is told again by itself.",
];
const TLS: Words = [
  "the shop's certificate is no good",
  'The connection by TLS failed: the certificate has expired, is self-signed, is of another name, or lacks the one of its issuer.',
  'Have the shop renew it and install the full chain. If that cannot be, tls_verify: false for this shop; the content is signed.',
];
const BROKEN: Words = [
  'the connection broke off',
  'The server, or something before it, has closed the connection without an answer.',
  'Check its firewall and its log. It is told again by itself.',
];

/** By the word for why there was no answer; the first that fits. */
const BY_REASON: readonly (readonly [pattern: RegExp, words: Words])[] = [
  [
    /^private_address$/,
    [
      'the address is a private one',
      'The name of the shop leads into a private network or to this machine, and such addresses are never called.',
      "Set the shop's site URL to its public address. Only where all shops are in your own network: webhooks.allow_private_addresses.",
    ],
  ],
  [
    /^port$/,
    [
      'the port may not be called',
      'It belongs to something that is no web server.',
      'Let the shop be reachable at 443, 80 or another port above 1023 that no database or the like uses.',
    ],
  ],
  [
    /^(bad_url|credentials|plain_http)$/,
    [
      'the address may not be called',
      'notify_url is no plain http or https address.',
      "Correct the shop's site URL; new orders carry the new address.",
    ],
  ],
  [/^(ENOTFOUND|ENODATA|EAI_\w+|ESERVFAIL|ENONAME|EBADNAME|EBADRESP|EREFUSED|ETIMEOUT)$/, DNS],
  [
    /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EHOSTDOWN)$/,
    [
      'nobody answers at the address',
      'The connection was refused: the server is down, listens on another port, or a firewall refuses; or no name server answers this machine.',
      "Start the shop's web server, check the port in its site URL, and let this gateway's address through.",
    ],
  ],
  [/^(TimeoutError|ETIMEDOUT|UND_ERR_\w*TIMEOUT)$/, SLOW],
  [/CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(TLS|SSL)|^EPROTO$|SSL/, TLS],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_ABORTED|ECONNABORTED|AbortError)$/, BROKEN],
  [
    /^(HPE_|UND_ERR_(HEADERS|REQ|RES|INVALID))/,
    [
      'the answer is no HTTP',
      'Something answers at the port that is no web server, or with https spoken to a plain port.',
      "Check scheme and port of the shop's site URL.",
    ],
  ],
];

const FAULT_OF_OURS: Words = [
  'it could not be sent',
  'No answer came, for a reason that has no words here.',
  'Look for the event in the log. It is told again by itself.',
];

/** What one notification says of the shop's settings. Pure: facts in, words out. */
export function diagnoseNotice(facts: NoticeFacts): Diagnosis {
  const { outcome, status, answer, tryNo } = facts;
  if (outcome === 'delivered') return well('taken: the shop said success');
  if (status === null) return wrong(...(BY_REASON.find(([pattern]) => pattern.test(answer))?.[1] ?? FAULT_OF_OURS));
  const look = lookOf(facts, status);
  // The word is there, so that only the status can be in the way.
  if (look === 'acknowledged') return wrong(...BY_LOOK.other);
  const [verdict, why, cure] = BY_LOOK[look];
  const told = facts.location === undefined ? why : `${why} It leads to ${facts.location}.`;
  const mayRepeat = tryNo > 1 && (look === 'says_fail' || look === 'program_error' || look === 'server_error');
  if (mayRepeat)
    return unsure(
      verdict,
      `${told} Some plug-ins (dujiaoka, acg-faka) also refuse a repeat of what they have booked.`,
      cure,
    );
  return look === 'redirect' || look === 'other' ? unsure(verdict, told, cure) : wrong(verdict, told, cure);
}

/** As it was found over the whole answer; of an older record, over what is left of it. */
function lookOf({ look, answer, location }: NoticeFacts, status: number): AnswerLook {
  if (look === 'acknowledged' || (look && Object.hasOwn(BY_LOOK, look))) return look;
  return lookOfAnswer({ status, body: answer, ...(location === undefined ? {} : { location }) });
}
