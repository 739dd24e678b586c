import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
  YAMLSeq,
} from 'yaml';
import { err, ok, type Result } from '../payment/index.ts';

/** One change inside a merchant's entry; `at` leads there from the entry. */
export type EntryChange =
  | { readonly kind: 'set'; readonly at: readonly string[]; readonly value: string | number | boolean }
  /** Puts a text behind what is there: behind the last of a list, or behind a single one, which becomes a list. */
  | { readonly kind: 'append'; readonly at: readonly string[]; readonly text: string }
  | { readonly kind: 'drop'; readonly at: readonly string[]; readonly index: number };

const BY_HAND = 'merchants.yaml is written in a way that this command cannot change (an anchor?); change it by hand';

/** The text of `merchants.yaml` with one more merchant at its end. The text has no fault. */
export function withMerchant(text: string, id: string, entry: object): Result<string, string> {
  const document = parse(text);
  const merchants = document.get('merchants');
  if (!isMap(merchants)) return err(BY_HAND);
  const pair: Pair = document.createPair(id, entry);
  merchants.add(pair);
  const wanted = plain(parse(text));
  Object.assign(wanted.merchants, { [id]: entry });
  return settled(text, document, id, wanted);
}

/** The text with one merchant's entry changed; comments and order stay, and so does every other entry to the letter. */
export function withChanges(text: string, id: string, changes: readonly EntryChange[]): Result<string, string> {
  const document = parse(text);
  const wanted = plain(parse(text));
  for (const change of changes) {
    const at = ['merchants', id, ...change.at];
    const node = document.getIn(at, true);
    if (isAlias(node) || !isMap(document.getIn(at.slice(0, -1)))) return err(BY_HAND);
    if (!applied(document, at, node, change)) return err(BY_HAND);
    applyPlain(wanted.merchants[id], change);
  }
  return settled(text, document, id, wanted);
}

function applied(document: Document, at: readonly string[], node: unknown, change: EntryChange): boolean {
  if (change.kind === 'set') {
    document.setIn(at, isScalar(node) ? Object.assign(node, { value: change.value }) : change.value);
  } else if (change.kind === 'drop') {
    if (!isSeq(node)) return false;
    document.deleteIn([...at, change.index]);
  } else if (isSeq(node)) {
    node.add(document.createNode(change.text));
  } else {
    if (!isNode(node)) return false;
    document.setIn(at, listOf(document, node, change.text));
  }
  return true;
}

/** What stood alone keeps its quotes and references; a comment behind it stays behind the list. */
function listOf(document: Document, alone: Node, text: string): YAMLSeq {
  const list = new YAMLSeq(document.schema);
  list.flow = true;
  list.comment = alone.comment ?? null;
  alone.comment = null;
  list.items = [alone, document.createNode(text)];
  return list;
}

function applyPlain(entry: unknown, change: EntryChange): void {
  const last = change.at.at(-1) ?? '';
  const around = change.at
    .slice(0, -1)
    .reduce<Record<string, unknown>>((inner, key) => inner[key] as Record<string, unknown>, entry as never);
  const before = around[last];
  const list = Array.isArray(before) ? before : [before];
  if (change.kind === 'set') around[last] = change.value;
  if (change.kind === 'append') around[last] = [...list, change.text];
  if (change.kind === 'drop') around[last] = list.filter((_, index) => index !== change.index);
}

/**
 * The library writes the whole document anew and so lines up spaces in its own way. Of its text only the entry of this merchant is
 * taken; where that does not say what is wanted, the whole of it; and where that does not either, nothing.
 */
function settled(text: string, document: Document, id: string, wanted: unknown): Result<string, string> {
  const written = tidied(document.toString({ lineWidth: 0, indent: indentOf(text) }), text);
  const found = [confined(text, written, id), written].find((one): one is string => one !== null && says(one, wanted));
  return found === undefined ? err(BY_HAND) : ok(found);
}

function says(text: string, wanted: unknown): boolean {
  const document = parse(text);
  return document.errors.length === 0 && isDeepStrictEqual(plain(document), wanted);
}

/** How far the file indents, as its first merchant shows. */
function indentOf(text: string): number {
  const merchants = parse(text).get('merchants');
  const key = isMap(merchants) && !merchants.flow ? merchants.items[0]?.key : null;
  const at = isNode(key) ? key.range?.[0] : null;
  return typeof at === 'number' ? Math.max(1, at - (text.lastIndexOf('\n', at - 1) + 1)) : 2;
}

function confined(text: string, written: string, id: string): string | null {
  const fresh = entryRange(written, id);
  if (fresh === null) return null;
  const entry = written.slice(...fresh);
  const old = entryRange(text, id);
  if (old !== null) return text.slice(0, old[0]) + entry + text.slice(old[1]);
  const indent = ' '.repeat(indentOf(text));
  return `${text.replace(/\n*$/, '\n')}${indent}${entry.replace(/\n*$/, '\n')}`;
}

function entryRange(text: string, id: string): [number, number] | null {
  const merchants = parse(text).get('merchants');
  const pair = isMap(merchants) ? merchants.items.find(({ key }) => isScalar(key) && String(key.value) === id) : null;
  const [start, end] = [
    isNode(pair?.key) ? pair.key.range?.[0] : null,
    isNode(pair?.value) ? pair.value.range?.[2] : null,
  ];
  return typeof start === 'number' && typeof end === 'number' ? [start, end] : null;
}

/** `[ a, b ]` as the library writes it -> `[a, b]`, unless the file has it so already. */
function tidied(written: string, original: string): string {
  if (/\[ +[^\s\]]/.test(original)) return written;
  const cuts: number[] = [];
  visit(parse(written), {
    Seq: (_, { flow, range }) => {
      if (!flow || !range || written.slice(range[0], range[1]).includes('\n')) return;
      if (written[range[0] + 1] === ' ') cuts.push(range[0] + 1);
      if (written[range[1] - 2] === ' ') cuts.push(range[1] - 2);
    },
  });
  return cuts.toSorted((a, b) => b - a).reduce((out, at) => out.slice(0, at) + out.slice(at + 1), written);
}

function parse(text: string): Document.Parsed {
  return parseDocument(text, { logLevel: 'error', uniqueKeys: false, version: '1.2' });
}

function plain(document: Document): { merchants: Record<string, unknown> } {
  // Through JSON, since an alias and its anchor are one object otherwise.
  return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: -1 })));
}
