import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface Asset {
  readonly contentType: string;
  readonly body: string;
  /** Changes with the content, so that browsers may keep an asset for ever. */
  readonly version: string;
}

/** The one style sheet and the one script of the cashier, read once. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  return new Map([
    ['cashier.css', load('cashier.css', 'text/css; charset=utf-8')],
    ['cashier.js', load('cashier.js', 'text/javascript; charset=utf-8')],
  ]);
}

function load(name: string, contentType: string): Asset {
  const body = readFileSync(new URL(`../assets/${name}`, import.meta.url), 'utf8');
  return { contentType, body, version: createHash('sha256').update(body).digest('hex').slice(0, 12) };
}
