import { z } from 'zod';
import { type ConfigFault, readYaml } from '../config/index.ts';

type Place = readonly (string | number)[];

/** What a reference stands for there is never part of a fault or a report. */
const HIDDEN_OF_MERCHANT: ReadonlySet<unknown> = new Set(['secret_keys', 'webhook', 'epay']);

/**
 * References of a text that comes over the network and not from the operator's disk: they are resolved with the environment and
 * the files of the gateway, so they may stand only where secrets belong, or where the live file has the same text. Otherwise a rule named
 * `${STRIPE_SECRET_KEY}` would tell the key.
 * @returns a fault for each other one; none for a text that is no YAML, which is somebody else's fault
 */
export function strayReferences(name: string, text: string, liveText: string): readonly ConfigFault[] {
  const known = new Set<string>();
  readYaml('live', liveText, z.unknown(), (value) => walk(value, [], (scalar) => known.add(scalar)));
  const checked = readYaml(name, text, z.unknown(), (value, fault) =>
    walk(value, [], (scalar, place) => {
      if (!isReference(scalar) || isHidden(place) || known.has(scalar)) return;
      fault(place, 'has a reference that the live file does not have; in a dry run only secrets may have new ones');
    }),
  );
  return checked.ok ? [] : checked.error.filter(({ message }) => message.startsWith('has a reference that the live'));
}

function isReference(scalar: string): boolean {
  return scalar.includes('${') || scalar.startsWith('file:');
}

function isHidden([section, , key]: Place): boolean {
  return section === 'channels' ? key === 'credentials' : section === 'merchants' && HIDDEN_OF_MERCHANT.has(key);
}

function walk(value: unknown, place: Place, visit: (scalar: string, place: Place) => void): void {
  if (typeof value === 'string') visit(value, place);
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...place, index], visit);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) walk(item, [...place, key], visit);
  }
}
