import ipaddr from 'ipaddr.js';

/**
 * Whether a resolved address may be called for a merchant: public unicast only. Mapped, translated and tunnelled forms of IPv4
 * are judged by the address inside them, so that no spelling of 127.0.0.1 passes.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  const bytes = address.toByteArray();
  if (address.kind() === 'ipv4') return address.range() === 'unicast' && !INSIDE_CLOUDS.has(bytes.join('.'));
  const inner = embeddedIpv4(bytes);
  if (inner !== null) return isPublicAddress(inner);
  return address.range() === 'unicast' && isGlobalUnicast(bytes);
}

/** Looks public and answers inside a cloud only: Azure's metadata and health service. */
const INSIDE_CLOUDS: ReadonlySet<string> = new Set(['168.63.129.16']);

/** 2000::/3, all that has ever been given out (IANA, "Internet Protocol Version 6 Address Space"). */
function isGlobalUnicast(bytes: readonly number[]): boolean {
  return ((bytes[0] ?? 0) & 0xe0) === 0x20;
}

/** 64:ff9b::/96, RFC 6052. The local-use prefix beside it (RFC 8215) hides its IPv4 elsewhere and is never public. */
const NAT64_PREFIX = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
/** The middle of an ISATAP address, RFC 5214; the bit beside it tells whether the IPv4 is unique. */
const ISATAP = [0x00, 0x5e, 0xfe];

function embeddedIpv4(bytes: readonly number[]): string | null {
  if (NAT64_PREFIX.every((byte, i) => bytes[i] === byte)) return bytes.slice(12).join('.');
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return bytes.slice(2, 6).join('.');
  if (((bytes[8] ?? 0) & ~0x02) === 0 && ISATAP.every((byte, i) => bytes[9 + i] === byte)) {
    return bytes.slice(12).join('.');
  }
  // IPv4-compatible (deprecated): twelve zero bytes; :: and ::1 are judged as what they are.
  const compatible = bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 15).some((byte) => byte !== 0);
  return compatible ? bytes.slice(12).join('.') : null;
}
