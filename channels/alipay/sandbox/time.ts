const BEIJING_OFFSET_MS = 8 * 3_600_000;

/** `yyyy-MM-dd HH:mm:ss` in GMT+8. */
export function beijing(at: number): string {
  return new Date(at + BEIJING_OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in GMT+8. */
export function beijingMs(at: number): string {
  return new Date(at + BEIJING_OFFSET_MS).toISOString().slice(0, 23).replace('T', ' ');
}

/** Null for anything that is not such a time. */
export function parseBeijing(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/.exec(text);
  const at = Date.parse(`${match?.[1]}T${match?.[2]}+08:00`);
  return Number.isNaN(at) ? null : at;
}
