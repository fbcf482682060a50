import type { EckError, ErrorCode } from '../../errors.js';
import type { World } from '../../world.js';
import type { Evidence } from './evidence.js';
import type { Subject } from './subject.js';

/**
 * One link of the chain from the command line to the API server, and how to find out whether it holds.
 *
 * A check changes nothing that is kept, but for what it takes away again. It is bounded in time, by the settings'
 * limits or its own.
 */
export interface Check {
  /** As it is printed, and as it is called in `-o json`. At most {@link longestName} characters. */
  readonly name: string;
  /** The links that this one hangs on: where one of them is broken, nothing can be said of this one. */
  readonly needs?: readonly Check[];
  /** The links whose evidence is used where there is any. They are waited for, and may be broken. */
  readonly after?: readonly Check[];
  /** @throws EckError where the link is broken, and there is no more to say about it than the error does */
  examine(examination: Examination): Promise<Finding> | Finding;
}

/** The length that names of checks have at most, so that they can be printed in a column as they come. */
export const longestName = 12;

/** What a check works with. */
export interface Examination {
  readonly subject: Subject;
  readonly world: World;
  /** What other checks have found. A check only reads what those have left that it needs or comes after. */
  readonly evidence: Evidence;
}

/** What was found out about a link. All of it is safe to print, and none of it is secret. */
export interface Finding {
  /** `warning`: it holds, and may not go on holding. `skipped`: nothing can be said, or nothing need be. */
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly detail: string;
  /** What to do next, a command where there is one. */
  readonly remedy?: string;
  readonly code?: ErrorCode;
}

/** How a link that does not hold, or may not go on holding, is mended. */
export interface Mending {
  readonly remedy: string;
  readonly code?: ErrorCode;
}

/** The link holds. */
export function ok(detail: string): Finding {
  return { status: 'ok', detail };
}

/** The link holds, and something about it should be known. */
export function warning(detail: string, mending: Mending): Finding {
  return { status: 'warning', detail, ...mending };
}

/** The link is broken. */
export function failed(detail: string, mending: Mending): Finding {
  return { status: 'failed', detail, ...mending };
}

/** Nothing can be said about the link. */
export function skipped(detail: string, remedy?: string): Finding {
  return { status: 'skipped', detail, ...(remedy === undefined ? {} : { remedy }) };
}

/** The link is broken in a way that an error describes. */
export function failedBy(error: EckError, remedy: string): Finding {
  return failed(error.message, { remedy, code: error.code });
}
