import { readFileSync } from 'node:fs';

/** The program that runs us, usually kubectl. */
export interface ParentProcess {
  readonly processId: number;
  /** Differs for a later process with the same id. In the system's own unit, '' if it is unknown. */
  readonly startedAt: string;
}

/** The process that started this one. */
export function findParentProcess(platform: NodeJS.Platform): ParentProcess {
  const processId = process.ppid;
  return { processId, startedAt: platform === 'linux' ? startTime(processId) : '' };
}

/** Whether a process exists, of any user. */
export function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat (proc(5)). Field 2, the command in parentheses, may contain anything. */
function startTime(processId: number): string {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
