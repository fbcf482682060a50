import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { printable } from '../../errors.js';
import { isMapping } from '../../mapping.js';
import { shellWord } from '../../terminal/format.js';
import { version } from '../../version.js';
import type { World } from '../../world.js';
import { failed, ok, warning, type Check } from './check.js';
import { findProgram } from './find-program.js';
import { runProgram } from './run-program.js';

/** What kubectl finds under the name that the context gives is this program. */
export const program: Check = {
  name: 'program',
  async examine({ subject, world }) {
    const command = commandOf(subject.isOwn ? subject.connection?.user['exec'] : undefined);
    const shown = printable(command);
    const found = findProgram(command, world);
    if (found === undefined) {
      return failed(`kubectl-eck ${version}; kubectl would not find ${shown}, which is not on PATH`, {
        remedy: onPath(world),
        code: 'program-not-found',
      });
    }
    const path = printable(found);
    if (realPath(found) === realPath(ownPath())) return ok(`kubectl-eck ${version}, found at ${path}`);

    const otherVersion = versionIn(await runProgram(found, ['version', '-o', 'json'], world.environment));
    if (otherVersion === undefined) {
      return failed(`kubectl-eck ${version}; what kubectl finds as ${shown}, ${path}, is another program`, {
        remedy: onPath(world),
        code: 'program-not-found',
      });
    }
    if (otherVersion === version)
      return ok(`kubectl-eck ${version}, another copy of which is found at ${path}`);
    return warning(
      `kubectl-eck ${version}; kubectl finds version ${otherVersion} at ${path}, and not this one`,
      { remedy: onPath(world) },
    );
  },
};

/** The program that the `exec` entry names. */
function commandOf(exec: unknown): string {
  return isMapping(exec) && typeof exec['command'] === 'string' ? exec['command'] : 'kubectl-eck';
}

/** The standalone executable, or the file that Node.js was told to run. */
function ownPath(): string {
  return /^kubectl-eck(?:\.exe)?$/i.test(basename(process.execPath))
    ? process.execPath
    : (process.argv[1] ?? process.execPath);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function versionIn(output: string | undefined): string | undefined {
  try {
    const answer: unknown = JSON.parse(output ?? '');
    return isMapping(answer) && typeof answer['version'] === 'string'
      ? printable(answer['version'], 40)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The command that puts the directory of this program in front of the others. */
function onPath({ platform }: World): string {
  const directory = printable(dirname(ownPath()));
  return platform === 'win32'
    ? `$env:Path = '${directory};' + $env:Path`
    : `export PATH=${shellWord(directory)}:"$PATH"`;
}
