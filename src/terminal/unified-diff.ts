import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** A file, and what it says before and after a change. */
export interface TextChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * What changes in a file, as `diff -u` prints it, and without control characters.
 *
 * @param colour whether what is taken away is red, and what is added green
 */
export function unifiedDiff(
  { path, before, after }: TextChange,
  { colour }: { readonly colour: boolean },
): string {
  const patch = createTwoFilesPatch(path, path, before, after, '', '', {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
  return patch
    .split('\n')
    .map((line) => harmless(line.trimEnd()))
    .map((line, index) => (colour ? coloured(line, index) : line))
    .join('\n');
}

const red = '\u001b[31m';
const green = '\u001b[32m';
const cyan = '\u001b[36m';
const bold = '\u001b[1m';
const reset = '\u001b[0m';

function coloured(line: string, index: number): string {
  const code = index < 2 ? bold : { '-': red, '+': green, '@': cyan }[line.charAt(0)];
  return code === undefined ? line : `${code}${line}${reset}`;
}

function harmless(line: string): string {
  return line.replace(/[^\P{Cc}\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
