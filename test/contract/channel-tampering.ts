import type { RawCallback } from '../../src/channel/index.ts';
import type { CallbackProof } from './channel-subject.ts';

const FLIPS = 64;

export interface Flipped {
  readonly raw: RawCallback;
  readonly at: number;
}

/** The text that a callback's signature covers, as it travels: the body, or the query when the proof is in it. */
export function signedText(raw: RawCallback, proof: CallbackProof): string {
  if (proof.in === 'query') return raw.target.slice(raw.target.indexOf('?') + 1);
  return Buffer.from(raw.body).toString('utf8');
}

export function withSignedText(raw: RawCallback, proof: CallbackProof, text: string): RawCallback {
  if (proof.in === 'query') return { ...raw, target: `${raw.target.split('?')[0]}?${text}` };
  return { ...raw, body: Buffer.from(text, 'utf8') };
}

export function withHeader(raw: RawCallback, name: string, ...values: string[]): RawCallback {
  const headers = new Map(raw.headers);
  if (values.length === 0) headers.delete(name);
  else headers.set(name, values);
  return { ...raw, headers };
}

/** One callback per place, spread over all that is signed; parameters that are the proof itself are left alone. */
export function flippedEverywhere(raw: RawCallback, proof: CallbackProof): readonly Flipped[] {
  const text = signedText(raw, proof);
  const proven = proof.in === 'headers' ? [] : proof.names.map((name) => rangeOf(text, name, proof));
  return spread(text.length)
    .filter((at) => !proven.some(([from, to]) => at >= from && at < to))
    .map((at) => ({ at, raw: withSignedText(raw, proof, flip(text, at)) }));
}

/**
 * One callback per place in one part of the proof. The end of a base64 text is left alone: its last bits mean nothing, and a
 * decoder may drop them.
 */
export function proofFlipped(raw: RawCallback, proof: CallbackProof, name: string): readonly Flipped[] {
  const value =
    proof.in === 'headers' ? (raw.headers.get(name)?.[0] ?? '') : rawParameter(signedText(raw, proof), name, proof);
  const end = value.replace(/(?:=|%3D)+$/i, '').length - (value.length > 40 ? 4 : 0);
  return spread(end).map((at) => ({ at, raw: withRawProof(raw, proof, name, flip(value, at)) }));
}

export function withProof(raw: RawCallback, proof: CallbackProof, name: string, value: string): RawCallback {
  const asWritten = { headers: String, form: encodeURIComponent, query: encodeURIComponent, json: inJson };
  return withRawProof(raw, proof, name, asWritten[proof.in](value));
}

export function withoutProof(raw: RawCallback, proof: CallbackProof, name: string): RawCallback {
  if (proof.in === 'headers') return withHeader(raw, name);
  const text = signedText(raw, proof);
  if (proof.in === 'json') {
    const [from, to] = rangeOf(text, name, proof);
    const [before, after] = [text.slice(0, from), text.slice(to)];
    return withSignedText(
      raw,
      proof,
      after.startsWith(',') ? before + after.slice(1) : before.replace(/,$/, '') + after,
    );
  }
  const kept = text.split('&').filter((pair) => !pair.startsWith(`${name}=`));
  return withSignedText(raw, proof, kept.join('&'));
}

/** The same header or parameter twice, with the same value. */
export function doubled(raw: RawCallback, proof: CallbackProof, name: string): RawCallback {
  if (proof.in === 'headers') {
    const [value = ''] = raw.headers.get(name) ?? [];
    return withHeader(raw, name, value, value);
  }
  const text = signedText(raw, proof);
  if (proof.in === 'json') {
    const [from, to] = rangeOf(text, name, proof);
    return withSignedText(raw, proof, `${text.slice(0, to)},${text.slice(from)}`);
  }
  return withSignedText(raw, proof, `${text}&${name}=${rawParameter(text, name, proof)}`);
}

function withRawProof(raw: RawCallback, proof: CallbackProof, name: string, value: string): RawCallback {
  if (proof.in === 'headers') return withHeader(raw, name, value);
  const text = signedText(raw, proof);
  const [from, to] = rangeOf(text, name, proof);
  const written = proof.in === 'json' ? `"${name}":"${value}"` : `${name}=${value}`;
  return withSignedText(raw, proof, `${text.slice(0, from)}${written}${text.slice(to)}`);
}

/** As it is written in the text that is signed. */
export function rawParameter(text: string, name: string, proof: CallbackProof): string {
  const [from, to] = rangeOf(text, name, proof);
  return proof.in === 'json' ? text.slice(from + name.length + 4, to - 1) : text.slice(from + name.length + 1, to);
}

/** A text as it is written between the quotes of JSON. */
function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** Where `name=value` stands in a form or query text, or `"name":"value"` in a JSON one. */
function rangeOf(text: string, name: string, proof: CallbackProof): readonly [from: number, to: number] {
  const pattern = proof.in === 'json' ? `()("${name}":"[^"]*")` : `(^|&)(${name}=[^&]*)`;
  const match = new RegExp(pattern).exec(text);
  if (match === null) throw new Error(`the callback has no parameter ${name}`);
  const from = match.index + match[0].length - (match[2]?.length ?? 0);
  return [from, match.index + match[0].length];
}

function spread(length: number): readonly number[] {
  const step = Math.max(1, Math.floor(length / FLIPS));
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
}

/** The lowest bit of one character; ASCII stays ASCII. */
function flip(text: string, at: number): string {
  return `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
}
