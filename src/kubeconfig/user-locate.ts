import { posix, win32 } from 'node:path';
import { usageError } from '../errors.js';
import type { Environment } from '../world.js';

/** The files of the user kubeconfig, in kubectl's order: what the first one says comes before what the next says. */
export type KubeconfigPaths = readonly [string, ...string[]];

/** What the place of the user kubeconfig depends on. */
export interface KubeconfigSetting {
  /** `--kubeconfig`. */
  readonly flag?: string | undefined;
  readonly environment: Environment;
  readonly homeDirectory: string;
  readonly platform: NodeJS.Platform;
}

/**
 * Finds the files of the user kubeconfig as kubectl does: the one that `--kubeconfig` names, else those of
 * `$KUBECONFIG`, else `~/.kube/config`. An empty flag or variable counts as none. Whether they exist is another
 * matter, and so is what they hold.
 *
 * @throws EckError `usage` if `$KUBECONFIG` is a list without a name in it. kubectl takes that for an empty
 *   kubeconfig, which nothing can be written to
 */
export function locateKubeconfig(setting: KubeconfigSetting): KubeconfigPaths {
  const { flag, environment, homeDirectory, platform } = setting;
  if (flag) return [flag];
  const variable = environment['KUBECONFIG'];
  if (!variable) return [(platform === 'win32' ? win32 : posix).join(homeDirectory, '.kube', 'config')];
  const [first, ...others] = new Set(splitList(variable, platform).filter((path) => path !== ''));
  if (first === undefined) {
    throw usageError('KUBECONFIG names no file; unset it, or set it to the path of a kubeconfig');
  }
  return [first, ...others];
}

/** Splits a list of paths as Go's `filepath.SplitList` does: Windows lets a part be quoted, to hold a semicolon. */
function splitList(list: string, platform: NodeJS.Platform): string[] {
  if (platform !== 'win32') return list.split(':');
  const parts = list.match(/(?:"[^"]*(?:"|$)|[^;"])+/g) ?? [];
  return parts.map((part) => part.replaceAll('"', ''));
}
