import { readFileSync } from 'node:fs';

/** A process that asks for credentials. A later process with the same id is told from it by when it started. */
export interface ParentProcess {
  readonly processId: number;
  /** In the system's own terms, and '' where it does not say so cheaply. */
  readonly startedAt: string;
}

/** The process that asks: the one that started this one, which is kubectl itself. */
export function parentProcess(platform: NodeJS.Platform): ParentProcess {
  const processId = process.ppid;
  return { processId, startedAt: platform === 'linux' ? startOf(processId) : '' };
}

/** Whether a process is there. One that belongs to somebody else is. */
export function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The 22nd field of /proc/PID/stat (proc(5)), counted from behind the command's name, which may hold anything. */
function startOf(processId: number): string {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
