/**
 * Finds a key that occurs twice in one object. `JSON.parse` keeps the last one silently, so two readers of the same bytes
 * could see two amounts.
 * @param text valid JSON; anything else gives a meaningless answer
 */
export function findRepeatedKey(text: string): string | null {
  /** One entry per open bracket: the keys seen so far of an object, null for an array. */
  const open: (Set<string> | null)[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    if (char !== '"') {
      at += 1;
      continue;
    }
    const end = endOfString(text, at);
    const keys = open.at(-1);
    if (keys && isFollowedByColon(text, end)) {
      const key = keyOf(text.slice(at, end));
      if (keys.has(key)) return key;
      keys.add(key);
    }
    at = end;
  }
  return null;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isFollowedByColon(text: string, at: number): boolean {
  let next = at;
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next += 1;
  return text[next] === ':';
}

function keyOf(literal: string): string {
  return literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);
}
