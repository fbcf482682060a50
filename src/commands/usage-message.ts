import { printable } from '../errors.js';

/**
 * Commander's message about a command line that it does not understand, on one line in the words of this program, and
 * where to read on.
 *
 * @param help the command that prints the help that is meant
 */
export function usageMessage(message: string, help: string): string {
  const text = printable(message.replace(/^error: /, ''));
  const [, mistake = text, suggestion] = /^(.*?) *(?:\(Did you mean (.*)\?\))?$/.exec(text) ?? [];
  const sentence = mistake.replace(/\. Expected/, ', expected').replace(/\.$/, '');
  return suggestion === undefined
    ? `${sentence}; see "${help}"`
    : `${sentence}; did you mean ${suggestion}? See "${help}"`;
}
