import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { type ConfigFault, type Path, pathText } from './faults.ts';
import type { ResolveScalar } from './references.ts';

/** A YAML file as plain data that remembers the line of everything in it. */
export interface Source {
  readonly file: string;
  /** Undefined when the text is no usable YAML; then `faults` says why and nothing else can be said of the file. */
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** The line of a value, or of the nearest thing around it when it is missing. */
  lineOf(path: Path): number;
}

const TEXT_CHARS_MAX = 1024 * 1024;
const DEPTH_MAX = 20;
/** Counts every value with its repetitions through aliases, so that a few anchors cannot stand for billions of values. */
const VALUES_MAX = 20_000;

/** What reading puts in the place of bytes that are no UTF-8: a name would reach buyers garbled. */
const REPLACEMENT_CHARACTER = '\uFFFD';

/** The parser's own messages quote the source, which may be a secret; so its codes are put in words here. */
const MESSAGE_BY_CODE: ReadonlyMap<string, string> = new Map([
  ['BAD_INDENT', 'is indented wrongly, or a bracket is not closed'],
  ['TAB_AS_INDENT', 'is indented with a tab; use spaces'],
  ['MISSING_CHAR', 'lacks a character: is a quote or a bracket not closed, or a colon or a comma missing?'],
  ['MULTIPLE_DOCS', 'has a second document (---); one file is one document'],
  ['BAD_DQ_ESCAPE', 'has an unknown escape in double quotes; use single quotes'],
  ['MULTILINE_IMPLICIT_KEY', 'has a key that runs over several lines; is a colon or a quote missing?'],
  ['BLOCK_AS_IMPLICIT_KEY', 'has two colons on one line; put quotes around the text'],
  ['RESOURCE_EXHAUSTION', 'is nested too deeply'],
  ['UNEXPECTED_TOKEN', 'has something unexpected here; put quotes around texts with special characters'],
]);

/** A source for a file that could not even be read. */
export function unreadableSource(file: string, message: string): Source {
  return { file, value: undefined, faults: [{ file, line: 0, path: '', message }], lineOf: () => 0 };
}

/** Parses strictly: no duplicate keys, no tags, no second document; anchors only as far as they stay small. */
export function parseSource(file: string, text: string, resolveScalar: ResolveScalar): Source {
  if (text.length > TEXT_CHARS_MAX) return unreadableSource(file, `has more than ${TEXT_CHARS_MAX} characters`);
  const garbled = text.indexOf(REPLACEMENT_CHARACTER);
  if (garbled >= 0) {
    const line = text.slice(0, garbled).split('\n').length;
    const message = 'is not UTF-8; save the file in this encoding, not in GBK or UTF-16';
    return { file, value: undefined, faults: [{ file, line, path: '', message }], lineOf: () => 0 };
  }
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    version: '1.2',
    logLevel: 'error',
    // The reader below looks for them; the parser compares every key with every other, which takes minutes in a long file.
    uniqueKeys: false,
  });

  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      file,
      line: counter.linePos(openedAt(document, error.pos[0])).line,
      path: '',
      message: MESSAGE_BY_CODE.get(error.code) ?? `is not valid YAML (${error.code})`,
    }));
    return { file, value: undefined, faults, lineOf: () => 0 };
  }
  return new Reader(file, counter, resolveScalar).read(document);
}

/** The parser finds an open quote at the end of the file; a reader looks for it where the quoted text begins. */
function openedAt(document: Document.Parsed, errorAt: number): number {
  let at = errorAt;
  visit(document, {
    Scalar: (_, { range, type }) => {
      const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (quoted && range && range[0] < errorAt && errorAt <= range[1]) at = range[0];
    },
  });
  return at;
}

/** Walks the syntax tree once, making plain data and noting lines and faults. */
class Reader {
  readonly #file: string;
  readonly #counter: LineCounter;
  readonly #resolveScalar: ResolveScalar;
  readonly #lines = new Map<string, number>();
  readonly #anchors = new Map<string, unknown>();
  readonly #faults: ConfigFault[] = [];
  #valuesLeft = VALUES_MAX;
  /** The alias in the file that is being expanded now; the ones inside it are not where the reader has to look. */
  #aliasLine: number | null = null;

  constructor(file: string, counter: LineCounter, resolveScalar: ResolveScalar) {
    this.#file = file;
    this.#counter = counter;
    this.#resolveScalar = resolveScalar;
  }

  read(document: Document.Parsed): Source {
    const directive = document.directives.yaml.explicit;
    if (directive) this.#fault([], 1, 'has a %YAML line; leave it out');
    const value = this.#value(document.contents, [], 1);
    // Of what lies beyond a bound nothing is known, so there is nothing to check: neither sensibly nor in bearable time.
    if (this.#valuesLeft < 0) return { file: this.#file, value: undefined, faults: this.#faults, lineOf: () => 0 };
    const lines = this.#lines;
    return { file: this.#file, value, faults: this.#faults, lineOf: (path) => lineOf(lines, path) };
  }

  /** `keyLine` is where a collection is said to be: at its key, where a reader looks for it. */
  #value(node: unknown, path: Path, keyLine: number): unknown {
    if (this.#valuesLeft <= 0 || path.length > DEPTH_MAX) {
      const what = path.length > DEPTH_MAX ? 'is nested too deeply' : `holds more than ${VALUES_MAX} values`;
      if (this.#valuesLeft >= 0) this.#fault([], this.#aliasLine ?? keyLine, what);
      this.#valuesLeft = -1;
      return undefined;
    }
    this.#valuesLeft -= 1;
    if (isAlias(node)) return this.#alias(node.source, path, this.#line(node, keyLine));

    const line = isScalar(node) ? this.#line(node, keyLine) : keyLine;
    this.#lines.set(JSON.stringify(path), line);
    if (isNode(node) && node.tag !== undefined) {
      this.#fault(path, line, 'has a tag (!...); tags are not supported');
      return undefined;
    }
    const value = this.#untagged(node, path, line);
    // Noted only now, so that an anchor cannot contain itself.
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    return value;
  }

  #untagged(node: unknown, path: Path, line: number): unknown {
    if (isMap(node)) return this.#map(node, path, line);
    if (isSeq(node)) return this.#list(node, path, line);
    if (!isScalar(node)) return null;
    if (typeof node.value !== 'string') return node.value;
    const resolved = this.#resolveScalar(node.value, node.type === 'PLAIN', path);
    if (resolved.ok) return resolved.value;
    this.#fault(path, line, resolved.error);
    return undefined;
  }

  #map(node: YAMLMap, path: Path, line: number): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const at = this.#line(key, line);
      const name = isScalar(key) && key.tag === undefined ? String(key.value) : null;
      if (name === null || name === '__proto__') {
        this.#fault(path, at, 'has a key that is not a plain name');
      } else if (entries.has(name)) {
        this.#fault([...path, name], at, 'is there twice');
      } else {
        this.#lines.set(JSON.stringify([...path, name]), at);
        entries.set(name, this.#value(value, [...path, name], at));
      }
    }
    return Object.fromEntries(entries);
  }

  #list(node: YAMLSeq, path: Path, line: number): unknown[] {
    return node.items.map((item, index) => this.#value(item, [...path, index], this.#line(item, line)));
  }

  #alias(name: string, path: Path, line: number): unknown {
    const target = this.#anchors.get(name);
    if (target !== undefined) {
      const outer = this.#aliasLine;
      this.#aliasLine = outer ?? line;
      const value = this.#value(target, path, line);
      this.#aliasLine = outer;
      return value;
    }
    this.#lines.set(JSON.stringify(path), line);
    this.#fault(path, line, 'uses an anchor (*) that is not defined above');
    return undefined;
  }

  #line(node: unknown, fallback: number): number {
    const start = isNode(node) ? node.range?.[0] : undefined;
    return start === undefined ? fallback : this.#counter.linePos(start).line;
  }

  #fault(path: Path, line: number, message: string): void {
    this.#faults.push({ file: this.#file, line, path: pathText(path), message });
  }
}

function lineOf(lines: ReadonlyMap<string, number>, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const line = lines.get(JSON.stringify(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 1;
}
