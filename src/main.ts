import { readExecArguments } from './exec-credential/arguments.js';
import { answerKubectl } from './exec-credential/answer.js';
import { printError } from './errors.js';
import { printLine } from './errors.js';
import type { World } from './world.js';

const world: World = {
  environment: process.env,
  platform: process.platform,
  homeDirectory: () => process.env['HOME'] || process.env['USERPROFILE'] || '/',
  now: () => new Date(),
  isTerminal: (stream) => process[stream].isTTY,
  warn: (message) => {
    printLine(`kubectl-eck: ${message}`);
  },
  debug: (message) => {
    if (process.env['KUBECTL_ECK_LOG'] !== 'debug') return;
    printLine(`kubectl-eck[${process.pid}] ${performance.now().toFixed(1)} ms: ${message}`);
  },
};

// Libraries of the SDK print whole answers, keys among them, where this variable asks for it.
delete process.env['DEBUG'];

// What kubectl waits for goes straight ahead; everything else loads the command line first.
const args = process.argv.slice(2);
const request = readExecArguments(args, world.environment);
const done =
  request === undefined
    ? import('./commands/program.js').then(({ run }) => run(args, world))
    : answerKubectl(request, world).then(leave);

done.catch((error: unknown) => {
  printError(error, world.environment);
  // Whatever is still open (a connection that hangs, a keychain that waits for a person) is not waited for.
  process.exit();
});

/** The answer is out. Bun takes a millisecond to end by itself, which kubectl would wait for. */
function leave(): void {
  if ('Bun' in globalThis) process.exit();
}
