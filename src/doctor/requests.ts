import type { NearMiss } from '../epay/index.ts';
import type { EpayAccount, EpayEndpoint, EpayOutcome, EpayRequestNote } from '../gateway/index.ts';
import { type Diagnosis, unsure, well, wrong } from './diagnosis.ts';

/** What is known of the shop that a request belongs to; null: it belongs to none. */
export type RequestFacts = Omit<EpayRequestNote, 'at'> & {
  readonly shop: (Pick<EpayAccount, 'pid' | 'signs' | 'notifyHosts'> & { readonly merchantId: string }) | null;
};

type Words = Diagnosis | ((facts: RequestFacts) => Diagnosis);

/** Of the programs whose messages a shop's admin sees. */
const PLACE: Readonly<Record<EpayEndpoint, string>> = {
  submit: 'an order by submit.php',
  mapi: 'an order by mapi.php',
  api: 'a question to api.php',
  v2_submit: 'an order by api/pay/submit',
  v2_create: 'an order by api/pay/create',
  v2_api: 'a question to api/',
};

const NEW_KEY =
  'Copy the key into the plug-in once more, without a blank before or behind it; if nobody has it any more,';

function newKey({ shop }: RequestFacts): string {
  const id = shop?.merchantId ?? '<merchant>';
  return `make a new one: switchyard merchants rotate ${id} --epay-key`;
}

const WORDS: Readonly<Record<EpayOutcome, Words>> = {
  ok: ({ endpoint }) => well(`${PLACE[endpoint]} was taken`),
  nothing_sent: wrong(
    'no parameters arrived',
    'The request has no pid. A redirect on the way (http to https, with or without www) loses what a form sends.',
    'Type the address exactly as shown above, with https, so that nothing redirects.',
  ),
  unreadable: wrong(
    'the request cannot be read',
    'It is no form in UTF-8: another character set (GBK), too many parameters, or too long.',
    'Set the plug-in, and the shop behind it, to UTF-8; look whether the plug-in sends JSON instead of a form.',
  ),
  split_value: wrong(
    'ambiguous: a value holds a parameter of the protocol',
    'A value contains "&" and the name of a parameter, such as &out_trade_no=. The signature escapes nothing, so that the same one would fit another order; such requests are never taken.',
    'Take "&" and "=" out of product names and of what the shop passes on as param; encode the values of addresses.',
  ),
  unknown_pid: unknownPid,
  bad_signature: badSignature,
  sign_kind_refused: ({ sign, shop, names }) => {
    const id = shop?.merchantId ?? '<merchant>';
    if (names.includes('key'))
      return wrong(
        'the key opens nothing here',
        'The shop signs with RSA alone, so that its key proves nothing any more.',
        `Let the plug-in sign its questions, or add md5 or sha256 to merchants.${id}.epay.sign.`,
      );
    if (sign === null)
      return wrong(
        'an unknown kind of signature',
        'sign_type says something else than MD5, SHA256 or RSA.',
        'Choose one of these in the plug-in.',
      );
    return wrong(
      `signatures by ${sign} are not accepted`,
      `The plug-in signs with ${sign}; the shop may use ${shop?.signs.join(', ') ?? 'none'}.`,
      sign === 'rsa'
        ? `Add rsa to merchants.${id}.epay.sign, and the shop's public key as public_key.`
        : `Add ${sign} to merchants.${id}.epay.sign (old plug-ins know md5 alone), or change the kind in the plug-in.`,
    );
  },
  stale_timestamp: wrong(
    "the shop's clock is wrong",
    'Version 2 signs the time, and it is missing or more than 300 seconds off.',
    "Let the shop's server set its clock by NTP; the timestamp is in seconds, ten digits.",
  ),
  bad_order_no: wrong(
    'no order number, or an odd one',
    'out_trade_no may have 1 to 128 of A-Z a-z 0-9 . _ | and -.',
    "Change the form of order numbers in the shop's settings; a question needs out_trade_no or trade_no.",
  ),
  bad_money: wrong(
    'the amount cannot be read',
    'money has to be above 0 and in yuan with at most two decimals, such as 1, 19.9 or 0.01: no sign, comma, exponent or currency.',
    'Look at the price in the shop: nothing that costs 0 can be paid, and a price with a third decimal has to be rounded.',
  ),
  bad_notify_url: badNotifyUrl,
  bad_return_url: wrong(
    'return_url is no web address',
    'It has to begin with http:// or https://, without blanks or a password in it.',
    "Set the shop's own address (site URL) with https:// in its settings.",
  ),
  changed_order: wrong(
    'the order number exists with another content',
    'Amount, name, notify_url, return_url and param have to stay the same when an order is asked for again. A price that changed, a second shop with the same pid, or an address with and without www are the usual causes.',
    'Have the shop make a new order number when anything changes; give each shop its own pid.',
  ),
  paid_order: unsure(
    'the order has been paid already',
    'The shop asks for an order number that is paid: its buyer came back, or the shop has not booked it.',
    'Look below whether the notification was acknowledged; if it was not, cure that and send it again.',
  ),
  held_order: unsure(
    'the order waits for a decision',
    'Money has arrived under this number that cannot count by itself, or its end is being looked up.',
    'Find it with switchyard payments show, and decide: payments keep, return or returned.',
  ),
  no_channel: wrong(
    'no channel could take it',
    'All channels that fit are down, drained or above a limit.',
    'Look at switchyard channels, or at /admin/.',
  ),
  refused_by_channel: wrong(
    'the provider refuses the order',
    'Every channel that was asked has said no to this very order: its amount or what is sold.',
    'switchyard routing explain <payment> tells which one said what.',
  ),
  too_much: wrong(
    'above the limit of the shop',
    'The amount is above limits.max_amount of the merchant, or the order breaks another of its limits.',
    'Raise limits.max_amount in merchants.yaml if it should be allowed.',
  ),
  unknown_order: unsure(
    'no such order',
    'The number is not one of this pid. Shops that look up old orders of another platform ask such questions.',
    'Nothing, unless the shop says that it made this order here.',
  ),
  unknown_act: unsure(
    'asks for something that is not served',
    'The act is not one of order, orders, query, settle, refund; transfers are not served.',
    'Nothing for payments; switch the feature off in the plug-in.',
  ),
  refunds_off: ({ shop }) =>
    wrong(
      'refunds by the interface are off',
      'Whoever has the key could refund, so that it is off until you allow it.',
      `Set merchants.${shop?.merchantId ?? '<merchant>'}.epay.refunds: true, or refund by the merchant API.`,
    ),
  refund_refused: wrong(
    'the refund was refused',
    'The order is not paid, less is left of it than was asked for, or the channel makes no refunds.',
    'switchyard payments show <payment> tells what is left.',
  ),
  rate_limited: wrong(
    'too many requests',
    'One address has failed too often within a minute.',
    'Cure the failures below first.',
  ),
  internal: wrong(
    'a fault of ours',
    'The request has crashed here.',
    'Look for "request crashed" in the log and report it; the shop may repeat the request.',
  ),
};

/** What one request says of its shop's settings. Pure: facts in, words out. */
export function diagnoseRequest(facts: RequestFacts): Diagnosis {
  // A record may be older than this program, or newer.
  const words = Object.hasOwn(WORDS, facts.outcome) ? WORDS[facts.outcome] : null;
  if (words === null) return unsure(String(facts.outcome), 'This word is not known here.', '');
  return typeof words === 'function' ? words(facts) : words;
}

function unknownPid({ pid, keyOf }: RequestFacts): Diagnosis {
  const named = pid === undefined ? 'The pid is no number that we give' : `The pid ${pid} is nobody's`;
  if (keyOf !== undefined)
    return wrong(
      pid === undefined ? 'wrong pid' : `wrong pid ${pid}`,
      `${named}, but the request is signed with the key of ${keyOf}.`,
      `Type the pid of ${keyOf} into the plug-in.`,
    );
  return wrong(
    pid === undefined ? 'unknown pid' : `unknown pid ${pid}`,
    `${named}, or its merchant is disabled. The key fits no other shop either.`,
    'Type pid and key as `merchants add` showed them, both of the same shop; not those of the former platform. A disabled one: switchyard merchants enable.',
  );
}

const BAD_SIGNATURE: Readonly<Record<NearMiss, (facts: RequestFacts) => readonly [why: string, cure: string]>> = {
  foreign_key: ({ keyOf, shop }) => [
    keyOf === undefined
      ? 'It is signed with the key of another merchant.'
      : `It is signed with the key of another merchant: ${keyOf}.`,
    `pid and key have to be of one shop: type the key of ${shop?.merchantId ?? 'this shop'}${keyOf === undefined ? '' : `, or the pid of ${keyOf}`}.`,
  ],
  sign_type: () => [
    'Key and values are right, but sign_type names another kind than the signature is.',
    'Choose the kind (MD5 or SHA256) in the plug-in that it really signs with, or let it leave sign_type out.',
  ],
  other_call: () => [
    'The signature is right, but not one of this call: act is not signed with the rest, or the parameters are those of an order or of a return, which a buyer has seen.',
    'Nothing, if the shop misses nothing: somebody may have tried out an address that was seen. Else let the plug-in sign act as well, or send the key by POST.',
  ],
  key_in_string: () => [
    'The plug-in puts "&key=" before the key.',
    'Switch that off (xiaoheiFS has an option for it): the key follows the last value directly.',
  ],
  url_encoded_values: () => [
    'The plug-in signs the URL-encoded values.',
    'The plain values have to be signed, before they are encoded: choose another version of the plug-in.',
  ],
  key_with_blanks: () => [
    'The key in the plug-in has a blank or a line break before or behind it.',
    'Type the key once more, without them.',
  ],
  no_key: () => [
    'It is signed without any key: the field for the key is empty or was not saved.',
    'Type the key into the plug-in and save; some keep a cache of their settings that has to be emptied.',
  ],
  as_received: () => [
    'The parameters were signed in the order in which they are sent, not sorted by name.',
    'Choose another version of the plug-in: names have to be sorted.',
  ],
  with_sign_type: () => [
    'sign_type was signed as well.',
    'Choose another version of the plug-in: sign and sign_type stay out of the signature.',
  ],
  known_names_only: () => [
    'Only the usual parameters were signed, but more are sent.',
    'Everything that is sent has to be signed: take the additional fields out, or choose another version of the plug-in.',
  ],
  money_rewritten: () => [
    'The amount was written otherwise when it was signed (1 and 1.00).',
    'Something changes the amount on the way: choose another version of the plug-in.',
  ],
  query_merged: ({ method }) => [
    `Query and form were mixed up: it came by ${method} with parameters in both, and the signature covers another set than the one that counts (the query when it has a pid, else the form).`,
    'Let the plug-in send everything either in the query or in the form. If its address has a "?" with parameters behind it, take them off.',
  ],
};

function badSignature(facts: RequestFacts): Diagnosis {
  const { nearMiss, names } = facts;
  const isByKey = names.includes('key');
  const verdict =
    nearMiss === 'foreign_key' ? "another merchant's key" : isByKey ? 'wrong key' : 'wrong key or signature';
  const found =
    nearMiss !== null && Object.hasOwn(BAD_SIGNATURE, nearMiss) ? BAD_SIGNATURE[nearMiss as NearMiss] : null;
  if (found) return wrong(verdict, ...found(facts));
  if (facts.sign === 'rsa')
    return wrong(
      'wrong signature',
      "The signature does not fit the shop's public key.",
      "Enter the public key that belongs to the shop's private key as public_key, and none of the platform's.",
    );
  const why = isByKey
    ? 'The key that was sent is not the one of this pid, nor of any other shop here.'
    : 'No usual mistake explains it, so that the key itself is most likely wrong: cut off, of the former platform, or another one than was copied.';
  return wrong(verdict, why, `${NEW_KEY} ${newKey(facts)}.`);
}

function badNotifyUrl({ host, shop }: RequestFacts): Diagnosis {
  const hosts = shop?.notifyHosts ?? 'any';
  const at = `merchants.${shop?.merchantId ?? '<merchant>'}.epay.notify_hosts`;
  if (host !== undefined && hosts !== 'any' && !hosts.includes(host))
    return wrong(
      `notifications may not go to ${host}`,
      `Allowed for this shop: ${hosts.join(', ')}.`,
      `Add ${host} to ${at} if it is the shop's; if nobody knows it, somebody else uses its key.`,
    );
  return wrong(
    'notify_url is no usable web address',
    'It is missing, does not begin with http:// or https://, is longer than 1024 characters, or has blanks or a password in it.',
    "Set the shop's own address (site URL) with https:// in its settings; the plug-in builds notify_url from it.",
  );
}
