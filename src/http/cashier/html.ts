/** A piece of HTML that is safe to send: everything that was put into it has been escaped. */
export interface Html {
  readonly safeHtml: string;
}

type Part = string | number | Html | null | readonly Html[];

/** Builds HTML from a template; texts are escaped for elements and quoted attributes alike, `null` leaves nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? '';
  for (const [index, part] of parts.entries()) text += render(part) + (strings[index + 1] ?? '');
  return { safeHtml: text };
}

/** Vouches for HTML that somebody else has built. */
export function trusted(text: string): Html {
  return { safeHtml: text };
}

function render(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeText(part);
  return 'safeHtml' in part ? part.safeHtml : part.map((piece) => piece.safeHtml).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}
