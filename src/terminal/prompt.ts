import { EckError } from '../errors.js';

/**
 * Lets a person pick items, at least one, from a list that shrinks as they type. Tab marks an item; Enter takes the
 * marked items, or the highlighted one if none is marked. Drawn on standard error.
 *
 * @param options with labels that are shown and searched
 * @throws EckError `interrupted` if the person cancels
 */
export async function pickMany(
  message: string,
  options: { value: string; label: string }[],
): Promise<readonly string[]> {
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
  if (isCancel(picked)) throw new EckError('interrupted', 'Nothing was picked, so nothing was done');
  return picked;
}
