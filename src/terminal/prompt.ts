import { EckError } from '../errors.js';

/** Something that a person can pick. */
export interface Choice {
  readonly value: string;
  /** As it is shown, and searched. */
  readonly label: string;
}

/**
 * Lets a person at a terminal pick any number of things, at least one, from a list that gets shorter as they type:
 * Tab ticks the one that is pointed at, and Enter takes what is ticked, or, if nothing is, the one that is pointed at.
 * It is drawn on standard error, so that standard output stays free for data.
 *
 * @throws EckError `interrupted` where the person would rather not
 */
export async function pickMany(message: string, choices: readonly Choice[]): Promise<readonly string[]> {
  const { autocompleteMultiselect, isCancel } = await import('@clack/prompts');
  const options = choices.map(({ value, label }) => ({ value, label }));
  let listening = false;
  const picked = await autocompleteMultiselect<string>({
    message,
    // As a function, since that is how the library hands out the prompt that it makes.
    options() {
      if (!listening)
        this.on('key', (_, { name }) => {
          const { focusedValue, selectedValues } = this;
          if (name === 'return' && selectedValues.length === 0 && focusedValue !== undefined) {
            this.toggleSelected(focusedValue);
          }
        });
      listening = true;
      return options;
    },
    filter: (typed, { label = '' }) => label.toLowerCase().includes(typed.toLowerCase()),
    placeholder: 'type to search',
    required: true,
    maxItems: 15,
    withGuide: false,
    output: process.stderr,
  });
  if (isCancel(picked)) throw new EckError('interrupted', 'Nothing was picked, so nothing was done');
  return picked;
}
