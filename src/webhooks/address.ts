import ipaddr from 'ipaddr.js';

/**
 * Whether a resolved address may be called for a merchant: public unicast only. Mapped, translated and tunnelled forms of IPv4
 * are judged by the address inside them, so that no spelling of 127.0.0.1 passes.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.kind() === 'ipv6') {
    const inner = embeddedIpv4(address.toByteArray());
    if (inner !== null) return isPublicAddress(inner);
  }
  return address.range() === 'unicast';
}

/** 64:ff9b::/96, RFC 6052. The local-use prefix beside it (RFC 8215) hides its IPv4 elsewhere and is never public. */
const NAT64_PREFIX = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

function embeddedIpv4(bytes: readonly number[]): string | null {
  if (NAT64_PREFIX.every((byte, i) => bytes[i] === byte)) return bytes.slice(12).join('.');
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return bytes.slice(2, 6).join('.');
  // IPv4-compatible (deprecated): twelve zero bytes; :: and ::1 are judged as what they are.
  const compatible = bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 15).some((byte) => byte !== 0);
  return compatible ? bytes.slice(12).join('.') : null;
}
