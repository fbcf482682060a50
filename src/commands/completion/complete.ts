import type { Argument, Command, Option } from 'commander';

/** A word that can replace the word under the cursor. */
export interface Candidate {
  readonly value: string;
  /** Shown beside it; may be ''. */
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Whether the word is a file's name, which the shell completes. */
  readonly isFile: boolean;
}

/** A cluster with the contexts that reach it. */
export interface KnownCluster {
  readonly clusterId: string;
  readonly name?: string;
  readonly region?: string;
  readonly contexts: readonly string[];
}

/** Names that are not in the definitions of the commands. A call fails if they cannot be read. */
export interface Sources {
  clusters(): Promise<KnownCluster[]>;
  contexts(): Promise<Candidate[]>;
  profiles(): Promise<Candidate[]>;
}

/** An unfinished command line. */
export interface Line {
  /** The root if no command was typed yet. */
  readonly command: Command;
  /** The options before the cursor with their values, by the long flag without dashes. */
  readonly given: ReadonlyMap<string, string>;
  /** The command's arguments before the cursor. */
  readonly operands: readonly string[];
  /** The option whose value is under the cursor. */
  readonly option: Option | undefined;
  /** Whether a flag is under the cursor. */
  readonly isFlag: boolean;
  /** The typed part of what is under the cursor. */
  readonly prefix: string;
}

/**
 * Completes the word under the cursor from the definitions of the commands.
 *
 * @param words the words after the program's name; the last one is under the cursor
 */
export async function complete(
  root: Command,
  words: readonly string[],
  sourcesFor: (line: Line) => Sources,
): Promise<Completion> {
  const line = readLine(root, words);
  if (/[<[]FILE\b/.test(line.option?.flags ?? '')) return { candidates: [], isFile: true };
  const byValue = new Map<string, Candidate>();
  for (const found of await findCandidates(root, line, sourcesFor(line))) {
    const { value } = found;
    if (value !== '' && value.startsWith(line.prefix) && !byValue.has(value)) byValue.set(value, found);
  }
  return { candidates: [...byValue.values()], isFile: false };
}

/** Reads an unfinished command line. Unknown flags are skipped. */
export function readLine(root: Command, words: readonly string[]): Line {
  const given = new Map<string, string>();
  const operands: string[] = [];
  let command = root;
  let option: Option | undefined;
  let isAfterDashes = false;
  for (const word of words.slice(0, -1)) {
    if (option !== undefined) {
      given.set(nameOf(option), word);
      option = undefined;
    } else if (isAfterDashes) {
      operands.push(word);
    } else if (word === '--') {
      isAfterDashes = true;
    } else if (word.length > 1 && word.startsWith('-')) {
      const found = findOption(command, word);
      if (found.option?.required === true && found.value === undefined) option = found.option;
      else if (found.option !== undefined) given.set(nameOf(found.option), found.value ?? '');
    } else if (command === root) {
      command = findCommand(root, word) ?? root.createCommand(word);
    } else {
      operands.push(word);
    }
  }
  const prefix = words.at(-1) ?? '';
  const line = { command, given, operands, option, isFlag: false, prefix };
  if (option !== undefined || isAfterDashes || !prefix.startsWith('-')) return line;
  const { option: typed, value } = findOption(command, prefix);
  return prefix.startsWith('--') && typed !== undefined && value !== undefined
    ? { ...line, option: typed, prefix: value }
    : { ...line, isFlag: true };
}

function nameOf(option: Option): string {
  return option.long?.slice(2) ?? option.name();
}

function findCommand(root: Command, name: string): Command | undefined {
  const commands = root.createHelp().visibleCommands(root);
  return commands.find((command) => command.name() === name || command.aliases().includes(name));
}

/** Finds the option of `--flag`, `--flag=value`, `-f` or `-fvalue`, and its value if the word contains it. */
function findOption(
  command: Command,
  word: string,
): { readonly option: Option | undefined; readonly value: string | undefined } {
  const [, long, value, short, rest] = /^(?:(--[^=]*)(?:=(.*))?|(-.)(.+)?)$/s.exec(word) ?? [];
  const options = command.createHelp().visibleOptions(command);
  const option = options.find((known) => (long === undefined ? known.short === short : known.long === long));
  return { option, value: option?.required === true ? (value ?? rest) : value };
}

async function findCandidates(root: Command, line: Line, sources: Sources): Promise<Candidate[]> {
  const { command, option, operands } = line;
  if (line.isFlag) return flagCandidates(line);
  if (option === undefined && command === root) return commandCandidates(root);
  const taker = option ?? argumentAt(command, operands.length);
  if (taker?.argChoices !== undefined) return taker.argChoices.map((value) => candidate(value));
  switch (option?.long ?? taker?.name()) {
    case 'command':
      return commandCandidates(root);
    case '--context':
    case 'CONTEXT':
      return sources.contexts();
    case '--profile':
      return sources.profiles();
    case '--cluster-id':
      return (await sources.clusters()).map(idCandidate);
    case '--name':
      return (await sources.clusters()).flatMap(nameCandidates);
    case '--region':
      return (await sources.clusters()).map(({ region = '' }) => candidate(region));
    case 'CLUSTER':
      return clusterCandidates(line, await sources.clusters());
    default:
      return [];
  }
}

/** @param parts of the description; empty ones are left out */
export function candidate(value: string, ...parts: readonly (string | undefined)[]): Candidate {
  return { value, description: parts.filter(Boolean).join(', ') };
}

/** The argument at a position. A variadic one takes all that follow. */
function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
}

function commandCandidates(root: Command): Candidate[] {
  const commands = root.createHelp().visibleCommands(root);
  return commands.map((command) => candidate(command.name(), command.summary() || command.description()));
}

/** The flags that can still be given: each once, unless it takes several values. */
function flagCandidates({ command, given, prefix }: Line): Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options
    .filter((option) => option.variadic || !given.has(nameOf(option)))
    .flatMap(({ long, short, description }) => {
      // The short flag only if it is asked for, so that no flag is listed twice.
      const flags = prefix === '-' || prefix === short ? [long, short] : [long];
      return flags.map((flag = '') => candidate(flag, description.replace(/ \[\$\w+\]$/, '')));
    });
}

/** Clusters that are not on the line yet: by id, and by name or context once the person has begun to type one. */
function clusterCandidates(
  { operands, command, prefix }: Line,
  clusters: readonly KnownCluster[],
): Candidate[] {
  const others = clusters.filter(
    ({ clusterId, name = clusterId }) => !operands.includes(clusterId) && !operands.includes(name),
  );
  const byName = takesContexts(command) ? contextCandidates : nameCandidates;
  return [...others.map(idCandidate), ...(prefix === '' ? [] : others.flatMap(byName))];
}

/** Whether a command is about clusters with a cached credential or a context, and takes a context's name for one. */
export function takesContexts(command: Command): boolean {
  return ['status', 'refresh', 'logout', 'doctor'].includes(command.name());
}

function idCandidate({ clusterId, name, region, contexts }: KnownCluster): Candidate {
  const otherContexts = contexts.filter((context) => context !== clusterId);
  const described = otherContexts.map((context) => `context ${context}`);
  return candidate(clusterId, name === clusterId ? '' : name, region, ...described);
}

function nameCandidates({ name, clusterId, region }: KnownCluster): Candidate[] {
  return name === undefined || name === clusterId ? [] : [candidate(name, clusterId, region)];
}

function contextCandidates({ clusterId, contexts }: KnownCluster): Candidate[] {
  return contexts.map((context) => candidate(context, clusterId));
}
