import type { z } from 'zod';
import { err, ok, type Result } from '../payment/index.ts';
import { type ConfigFault, type Path, sortFaults } from './faults.ts';
import { type FaultSink, faultAt, parseAt } from './parse.ts';
import { parseSource } from './source.ts';

/** What is wrong at a place of a file. */
export type NoteFault = (path: Path, message: string) => void;

/**
 * Reads any other YAML file as strictly as the configuration, and names its faults with their lines in the same words. References
 * to the environment and to files are not resolved.
 * @param check looks at what the schema cannot see; only called for a file that has no other fault
 */
export function readYaml<T>(
  file: string,
  text: string,
  schema: z.ZodType<T>,
  check: (value: T, fault: NoteFault) => void = () => {},
): Result<T, readonly ConfigFault[]> {
  const source = parseSource(file, text, (scalar) => ok(scalar));
  const sink: FaultSink = { source, faults: [] };
  const value = source.value === undefined ? undefined : parseAt(sink, [], source.value, schema);
  if (value !== undefined && sink.faults.length === 0) check(value, (path, message) => faultAt(sink, path, message));
  const faults = [...source.faults, ...sink.faults];
  return value === undefined || faults.length > 0 ? err(sortFaults(faults)) : ok(value);
}
