import { type Html, html, trusted } from '../cashier/html.ts';

/**
 * The Markdown of our runbooks as HTML: headings, paragraphs, lists of one level with code in them, fenced code, tables, links, code,
 * bold and italics. What is none of these stays text; every text is escaped.
 */
export function markdownHtml(markdown: string): Html {
  return join(blocks(markdown.replaceAll('\r\n', '\n').split('\n')));
}

const ITEM = /^(?:(\d+)\.|-) (.*)$/;

function blocks(lines: readonly string[]): Html[] {
  const out: Html[] = [];
  let at = 0;
  const take = (belongs: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && belongs(lines[at] ?? '')) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const heading = /^(#{1,4}) (.*)$/.exec(line);
    if (line.trim() === '') at += 1;
    else if (line.startsWith('```')) {
      at += 1;
      const code = take((one) => !one.startsWith('```'));
      at += 1;
      out.push(html`<pre><code>${code.join('\n')}</code></pre>`);
    } else if (heading) {
      at += 1;
      out.push(headingHtml(heading[1]?.length ?? 1, heading[2] ?? ''));
    } else if (line.startsWith('|')) {
      out.push(tableHtml(take((one) => one.startsWith('|'))));
    } else if (ITEM.test(line)) {
      out.push(listHtml(take((one) => ITEM.test(one) || one.trim() === '' || one.startsWith('  '))));
    } else {
      const text = take((one) => one.trim() !== '' && !/^(#|```|\|)/.test(one) && !ITEM.test(one));
      out.push(html`<p>${inline(text.join(' '))}</p>`);
    }
  }
  return out;
}

function headingHtml(level: number, text: string): Html {
  const id = text
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(/\s/g, '-');
  const [open, close] = [trusted(`<h${level} id="`), trusted(`</h${level}>`)];
  return html`${open}${id}">${inline(text)}${close}`;
}

function listHtml(lines: readonly string[]): Html {
  const items: { readonly ordered: boolean; readonly lines: string[] }[] = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item) items.push({ ordered: item[1] !== undefined, lines: [item[2] ?? ''] });
    else items.at(-1)?.lines.push(line.replace(/^ {2,3}/, ''));
  }
  const inner = items.map((item) => html`<li>${blocks(item.lines)}</li>`);
  return items[0]?.ordered === true ? html`<ol>${inner}</ol>` : html`<ul>${inner}</ul>`;
}

function tableHtml(lines: readonly string[]): Html {
  const cells = (line: string): string[] =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
  const [head = '', , ...rows] = lines;
  return html`<table><thead><tr>${cells(head).map((cell) => html`<th scope="col">${inline(cell)}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row).map((cell) => html`<td>${inline(cell)}</td>`)}</tr>`)}</tbody></table>`;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|(?<!\w)_([^_]+)_(?!\w)|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inline(text: string): Html {
  const parts: Html[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, bold, italic, label = '', target = ''] = match;
    parts.push(html`${text.slice(from, match.index)}`);
    from = match.index + whole.length;
    if (code !== undefined) parts.push(html`<code>${code}</code>`);
    else if (bold !== undefined) parts.push(html`<b>${bold}</b>`);
    else if (italic !== undefined) parts.push(html`<i>${italic}</i>`);
    else parts.push(linkHtml(label, target));
  }
  return join([...parts, html`${text.slice(from)}`]);
}

/** To another runbook, within this one, or to the web; other files of the project are not served. */
function linkHtml(label: string, target: string): Html {
  const runbook = /^([A-Za-z]+)\.md(#[\w-]+)?$/.exec(target);
  if (runbook) return html`<a href="${runbook[1] ?? ''}${runbook[2] ?? ''}">${inline(label)}</a>`;
  if (/^(#[\w-]+|https:\/\/.*)$/.test(target)) return html`<a href="${target}" rel="noreferrer">${inline(label)}</a>`;
  return inline(label);
}

function join(parts: readonly Html[]): Html {
  return html`${parts}`;
}
