import { fstatSync } from 'node:fs';
import { ifPossible, printError, printLine } from './errors.js';
import { answerKubectl } from './exec-credential/answer.js';
import { readExecArguments } from './exec-credential/arguments.js';
import type { World } from './world.js';

const world: World = {
  environment: process.env,
  platform: process.platform,
  homeDirectory: () => process.env['HOME'] || process.env['USERPROFILE'] || accountHome(),
  now: () => new Date(),
  isTerminal: (stream) => {
    const file = { stdin: 0, stdout: 1, stderr: 2 }[stream];
    // Setting up process.stdout takes 8 ms, which no pipe and no file needs.
    const mayBe = process.platform === 'win32' || ifPossible(() => fstatSync(file).isCharacterDevice());
    return mayBe === true && process[stream].isTTY;
  },
  warn: (message) => {
    // fabric8 reads both streams as one, and a warning would break the answer.
    if (request === undefined) printLine(`warning: ${message}`);
    else if (!areOneStream(1, 2)) printLine(`kubectl-eck: ${message}`);
  },
  debug: (message) => {
    if (process.env['KUBECTL_ECK_LOG'] !== 'debug') return;
    printLine(`kubectl-eck[${process.pid}] ${performance.now().toFixed(1)} ms: ${message}`);
  },
};

/** Whether two file descriptors are of the same pipe or file. Windows does not number pipes. */
function areOneStream(...files: readonly number[]): boolean {
  const [first, second] = files.map((file) => ifPossible(() => fstatSync(file)));
  return first?.dev === second?.dev && first?.ino === second?.ino && first?.ino !== 0;
}

function accountHome(): string {
  // Not an import, which every answer would wait for.
  return ifPossible(() => process.getBuiltinModule('node:os').userInfo().homedir) ?? '/';
}

// Libraries of the SDK print whole responses, keys among them, if this variable asks for it.
delete process.env['DEBUG'];
// TLS is verified all the same, but the runtime would warn that it is not.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];

const args = process.argv.slice(2);
const request = readExecArguments(args, world.environment);
const done =
  request === undefined
    ? import('./commands/program.js').then(({ run }) => run(args, world))
    : answerKubectl(request, world).then(() => {
        // Bun takes a millisecond to end by itself.
        if ('Bun' in globalThis) process.exit();
      });

done.catch((error: unknown) => {
  printError(error, world, request === undefined ? 'error' : 'kubectl-eck');
  // Do not wait for open connections and prompts.
  process.exit();
});
