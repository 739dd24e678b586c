import { readdirSync, readFileSync } from 'node:fs';
import { html, trusted } from '../cashier/html.ts';
import type { AdminPage } from './layout.ts';
import { markdownHtml } from './markdown.ts';

const FOLDER = new URL('../../../grafana/runbooks/', import.meta.url);

/** The runbooks by name, read once: nothing that a request names ever becomes a path. Empty where they are not shipped. */
export function loadRunbooks(folder = FOLDER): ReadonlyMap<string, string> {
  try {
    const files = readdirSync(folder).filter((file) => /^[A-Za-z]+\.md$/.test(file));
    return new Map(files.map((file) => [file.slice(0, -3), readFileSync(new URL(file, folder), 'utf8')]));
  } catch {
    return new Map();
  }
}

/** A runbook as a page, with the way back. */
export function runbookPage(name: string, markdown: string): AdminPage {
  const main = html`<header><p><a href="../">Status</a> · <a href="README">all runbooks</a></p></header>
<main class="runbook">${trusted(markdownHtml(markdown).safeHtml)}</main>`;
  return { title: `${name}: Switchyard`, main, refreshS: null };
}
