import stringWidth from 'fast-string-width';
import { longestName, type Finding } from './check.js';

/** How text is laid out. */
export interface Layout {
  /** Whether statuses are in colour. */
  readonly colour: boolean;
  /** The width to break lines at; they are not broken where there is none. */
  readonly columns: number | undefined;
}

const colours: Record<Finding['status'], string> = {
  ok: '\u001b[32m',
  warning: '\u001b[33m',
  failed: '\u001b[31m',
  skipped: '\u001b[2m',
};
const plain = '\u001b[0m';

const statusWidth = 'skipped'.length;
const gap = '   ';
const indent = ' '.repeat(statusWidth + gap.length + longestName + gap.length);

/**
 * One finding as text, each line with a line feed: status, check and detail in columns of a fixed width, so that
 * findings can be printed as they come. The remedy stands on a line of its own, unbroken, to be copied.
 */
export function formatFinding(name: string, finding: Finding, { colour, columns }: Layout): string {
  const { status, detail, remedy, code } = finding;
  const shown = status.padEnd(statusWidth);
  const head = `${colour ? `${colours[status]}${shown}${plain}` : shown}${gap}${name.padEnd(longestName)}${gap}`;
  const text = code === undefined ? detail : `${detail} [${code}]`;
  const lines = breakLines(text, columns === undefined ? Infinity : Math.max(30, columns - indent.length));
  const body = lines.map((line, index) => `${index === 0 ? head : indent}${line}\n`).join('');
  return remedy === undefined ? body : `${body}${indent}→ ${remedy}\n`;
}

/** All findings as a document for programs. */
export function formatFindings(findings: readonly (Finding & { readonly check: string })[]): string {
  return `${JSON.stringify(findings, null, 2)}\n`;
}

/** One line that sums the findings up, and says what to do next. */
export function verdict(
  findings: readonly Finding[],
  next: { readonly setUp: string; readonly hasCluster: boolean; readonly context: string | undefined },
): string {
  const count = (status: Finding['status']): number =>
    findings.filter((finding) => finding.status === status).length;
  const [failures, warnings] = [count('failed'), count('warning')];
  if (failures > 0) {
    return `${failures === 1 ? 'One link is' : `${failures} links are`} broken. Do what stands beside →, and run this again.`;
  }
  const well = `Nothing is broken${warnings === 0 ? '' : `; ${warnings === 1 ? 'one warning' : `${warnings} warnings`}`}.`;
  if (!next.hasCluster) return `${well} Next: ${next.setUp}`;
  return `${well} Try: kubectl ${next.context === undefined ? '' : `--context ${next.context} `}get nodes`;
}

function breakLines(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stringWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
