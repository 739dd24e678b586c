import { type KeyObject, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import type { EpochMs } from '../../src/payment/index.ts';
import { certificateBasesOf, type PayPalConfig } from './config.ts';
import type { Transport } from './transport.ts';

const FETCH_MS_MAX = 3_000;
/** PayPal uses one certificate at a time, for about a year. */
const KEPT_MAX = 16;
/** The address comes from whoever sent the message: a stream of forged ones must not make us hammer PayPal. */
const FETCHES = { max: 30, windowMs: 60_000 } as const;
const CERTIFICATES_MAX = 6;
const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const NAME = /^[A-Za-z0-9._-]{1,100}$/;
/** What the certificates that sign webhooks are made out to. */
const OWNER = /(?:^|\.)paypal\.com$/;

interface Kept {
  readonly key: KeyObject;
  readonly notBefore: EpochMs;
  readonly notAfter: EpochMs;
}

/** The keys that PayPal signs webhooks with. */
export interface Certificates {
  /** Whether it is an address that PayPal may keep a certificate at; nothing else is ever fetched. */
  isAddress(text: string): boolean;
  /** The key of the certificate at an address, fetched if need be; null when there is none that can be trusted now. */
  find(address: string, signal: AbortSignal): Promise<KeyObject | null>;
  dispose(): void;
}

export function openCertificates(config: PayPalConfig, transport: Transport, now: () => EpochMs): Certificates {
  const bases = certificateBasesOf(config);
  const disposed = new AbortController();
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<void>>();
  let window = { beganAt: Number.NEGATIVE_INFINITY, count: 0 };

  function mayFetch(): boolean {
    if (Math.abs(now() - window.beganAt) >= FETCHES.windowMs) window = { beganAt: now(), count: 0 };
    window.count += 1;
    return window.count <= FETCHES.max;
  }

  async function fetchNow(url: string): Promise<void> {
    const signal = AbortSignal.any([disposed.signal, AbortSignal.timeout(FETCH_MS_MAX)]);
    const answer = await transport.send({ method: 'GET', url, headers: {}, body: '' }, signal);
    if (!answer.ok || answer.value.status !== 200) return;
    const leaf = trustedLeaf(answer.value.text, anchorsOf(config), now());
    if (leaf === null) return;
    const { publicKey: key, validFrom, validTo } = leaf;
    kept.set(url, { key, notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) });
    for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT_MAX))) kept.delete(oldest);
  }

  return {
    isAddress: (text) => bases.some((base) => text.startsWith(base) && NAME.test(text.slice(base.length))),
    async find(address, signal) {
      if (!kept.has(address)) {
        if (!running.has(address) && mayFetch()) {
          running.set(
            address,
            fetchNow(address).finally(() => running.delete(address)),
          );
        }
        await unlessAborted(running.get(address) ?? Promise.resolve(), signal);
      }
      const found = kept.get(address);
      return found && found.notBefore <= now() && now() < found.notAfter ? found.key : null;
    },
    dispose: () => disposed.abort(),
  };
}

/** The first certificate of the text, when a chain of the others leads from it to somebody we trust; else null. */
export function trustedLeaf(pem: string, anchors: readonly X509Certificate[], now: EpochMs): X509Certificate | null {
  const [leaf, ...others] = readCertificates(pem);
  if (leaf === undefined || leaf.ca || leaf.publicKey.asymmetricKeyType !== 'rsa' || !isPayPals(leaf)) return null;
  let current = leaf;
  for (let steps = 0; steps < CERTIFICATES_MAX; steps += 1) {
    if (!isInDate(current, now)) return null;
    const signed = (other: X509Certificate) => current.checkIssued(other) && current.verify(other.publicKey);
    if (anchors.some((anchor) => isInDate(anchor, now) && signed(anchor))) return leaf;
    const next = others.find((other) => other.ca && signed(other));
    if (next === undefined) return null;
    current = next;
  }
  return null;
}

let publicAuthorities: readonly X509Certificate[] | null = null;

function anchorsOf({ webhook_ca: own }: PayPalConfig): readonly X509Certificate[] {
  if (own !== undefined) return readCertificates(own);
  publicAuthorities ??= rootCertificates.map((root) => new X509Certificate(root));
  return publicAuthorities;
}

function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(PEM) ?? [];
  if (blocks.length > CERTIFICATES_MAX) return [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function isPayPals({ subject, subjectAltName = '' }: X509Certificate): boolean {
  const names = subjectAltName.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : []));
  const common = /^CN=(.+)$/m.exec(subject)?.[1];
  return [...names, ...(common === undefined ? [] : [common])].some((name) => OWNER.test(name));
}

function isInDate({ validFrom, validTo }: X509Certificate, now: EpochMs): boolean {
  return Date.parse(validFrom) <= now && now < Date.parse(validTo);
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = () => resolve();
    signal.addEventListener('abort', done, { once: true });
    work.then(done, reject).finally(() => signal.removeEventListener('abort', done));
  });
}
