import { EckError, printLine } from '../errors.js';
import { mayColour, type World } from '../world.js';
import { hideProgress, startSpinner } from './progress.js';

type Options = { value: string; label: string }[];

/** Lets a person pick one item or more, on standard error. Labels are shown and searched. @throws EckError `interrupted` */
export async function pickMany(
  message: string,
  options: Options,
  world: Pick<World, 'environment' | 'isTerminal'>,
): Promise<readonly string[]> {
  hideProgress();
  const picked = await (mayColour('stderr', world) ? pickWhileTyping : pickByNumber)(message, options);
  if (picked === undefined) throw new EckError('interrupted', 'Nothing was picked, so nothing was done');
  startSpinner(world);
  return picked;
}

/** @returns `undefined` if the person ends the input */
async function pickByNumber(message: string, options: Options): Promise<readonly string[] | undefined> {
  for (const [index, { label }] of options.entries()) {
    printLine(`${String(index + 1).padStart(String(options.length).length)}) ${label}`);
  }
  const prompt = `${message} Their numbers, such as 1 3: `;
  const { createInterface } = await import('node:readline');
  const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt });
  try {
    terminal.prompt();
    for await (const line of terminal) {
      const numbers = line.match(/[^\s,]+/g);
      const picked = numbers?.map((number) => options[/^\d+$/.test(number) ? Number(number) - 1 : -1]?.value);
      if (picked?.every((value) => value !== undefined)) return [...new Set(picked)];
      printLine(`Type one or more numbers from 1 to ${options.length}.`);
      terminal.prompt();
    }
    printLine('');
    return undefined;
  } finally {
    // Bun goes on reading otherwise.
    terminal.close();
  }
}

/**
 * From a list that shrinks as the person types. Tab marks an item; Enter takes the marked items, or the highlighted one
 * if none is marked.
 */
async function pickWhileTyping(message: string, options: Options): Promise<readonly string[] | undefined> {
  const { autocompleteMultiselect, isCancel } = await import('@clack/prompts');
  let isListening = false;
  const picked = await autocompleteMultiselect<string>({
    message,
    // The library exposes the prompt only as `this` of this function.
    options() {
      if (!isListening)
        this.on('key', (_, { name }) => {
          const { focusedValue, selectedValues } = this;
          if (name === 'return' && selectedValues.length === 0 && focusedValue !== undefined) {
            this.toggleSelected(focusedValue);
          }
        });
      isListening = true;
      return options;
    },
    filter: (typed, { label = '' }) => label.toLowerCase().includes(typed.toLowerCase()),
    placeholder: 'type to search',
    required: true,
    maxItems: 15,
    withGuide: false,
    output: process.stderr,
  });
  // The library says "1 items selected" at the end.
  process.stderr.write('\x1b[A\x1b[K');
  return isCancel(picked) ? undefined : picked;
}
