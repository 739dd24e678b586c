import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** What `npm start` of a checkout runs, taken apart. */
export interface StartCommand {
  readonly text: string;
  /** Variables before the program. */
  readonly env: Readonly<Record<string, string>>;
  /** What Node gets for itself. */
  readonly nodeFlags: readonly string[];
  /** The script with its arguments. */
  readonly script: readonly string[];
}

const manifestSchema = z.object({
  scripts: z.object({ start: z.string().regex(/^([A-Z_]+=\S+ )*node /) }),
});

/** So that whatever measures or tests a gateway starts it as operators do. `root`: the checkout. */
export function startCommand(root: string): StartCommand {
  const { start } = manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).scripts;
  const words = start.split(' ');
  const node = words.indexOf('node');
  const args = words.slice(node + 1);
  const nodeFlags = args.filter((arg) => arg.startsWith('--'));
  return {
    text: start,
    env: Object.fromEntries(words.slice(0, node).map((word) => word.split('=', 2))),
    nodeFlags,
    script: args.slice(nodeFlags.length),
  };
}
