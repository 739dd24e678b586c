import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** What Linux keeps of one process; `null` fields where there is no /proc (macOS, Windows). */
export interface Usage {
  /** User and system time since its start, in steps of 10 ms. */
  readonly cpuMs: number | null;
  readonly rssBytes: number | null;
  /** The highest that `rssBytes` has been. */
  readonly rssPeakBytes: number | null;
  readonly rssAnonBytes: number | null;
  readonly openFiles: number | null;
  readonly sockets: number | null;
}

/** Linux counts process time in hundredths of a second on every architecture that Node runs on (USER_HZ). */
const MS_PER_TICK = 10;

export function usageOf(pid: number): Usage {
  const status = readOrNull(`/proc/${pid}/status`);
  return {
    cpuMs: cpuMsOf(pid),
    rssBytes: kilobytesOf(status, 'VmRSS'),
    rssPeakBytes: kilobytesOf(status, 'VmHWM'),
    rssAnonBytes: kilobytesOf(status, 'RssAnon'),
    ...filesOf(pid),
  };
}

export function bytesIn(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** CPU time alone, cheap enough to be read around every measurement. */
export function cpuMsOf(pid: number): number | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in brackets may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

function kilobytesOf(status: string | null, name: string): number | null {
  const found = status === null ? null : new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
  return found ? Number(found[1]) * 1024 : null;
}

function filesOf(pid: number): Pick<Usage, 'openFiles' | 'sockets'> {
  try {
    const folder = `/proc/${pid}/fd`;
    const targets = readdirSync(folder).map((fd) => linkOrEmpty(`${folder}/${fd}`));
    return { openFiles: targets.length, sockets: targets.filter((target) => target.startsWith('socket:')).length };
  } catch {
    return { openFiles: null, sockets: null };
  }
}

/** A file may be closed between the listing and the look. */
function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
