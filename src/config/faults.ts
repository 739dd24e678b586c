/** One thing that is wrong with a configuration. Never holds a configured value, since that value may be a secret (I10). */
export interface ConfigFault {
  /** The file as the operator named it, or `environment`. */
  readonly file: string;
  /** From 1; 0 when the fault has no line (a missing file, an environment variable). */
  readonly line: number;
  /** `channels.alipay-main.fee.rate`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A fault of an environment variable. */
export function environmentFault(name: string, message: string): ConfigFault {
  return { file: 'environment', line: 0, path: name, message };
}

export type Path = readonly PropertyKey[];

/** More than these help nobody; the rest is counted. */
const DESCRIBED_MAX = 200;

/** For a terminal: one fault per line as `file:line: path: message`; no control character survives. */
export function describeFaults(faults: readonly ConfigFault[]): string {
  const lines = faults.slice(0, DESCRIBED_MAX).map(describeFault);
  const more = faults.length - lines.length;
  return (more > 0 ? [...lines, `... and ${more} more`] : lines).join('\n');
}

/** `["channels", "alipay-main", "methods", 0]` -> `channels.alipay-main.methods[0]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** True for the place itself and everything inside it; both as `pathText` writes them. */
export function isWithin(path: string, around: string): boolean {
  return path.startsWith(around) && ['', '.', '['].includes(path.charAt(around.length));
}

/** In the order in which an operator meets them, each one once. */
export function sortFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const files = [...new Set(faults.map((fault) => fault.file))];
  const once = new Map(faults.map((fault) => [JSON.stringify(fault), fault]));
  return [...once.values()].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

function describeFault({ file, line, path, message }: ConfigFault): string {
  const place = line > 0 ? `${file}:${line}` : file;
  const parts = path === '' ? [place, message] : [place, path, message];
  return parts.join(': ').replace(/\p{Cc}+/gu, ' ');
}
