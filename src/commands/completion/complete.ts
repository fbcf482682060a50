import { CommanderError, type Option } from 'commander';
import type { KnownCluster } from '../get-credentials/context-names.js';
import { EckCommand } from '../options.js';

/** A word that can replace the word under the cursor. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** A cluster with the contexts that reach it. */
type ReachedCluster = KnownCluster & { readonly contexts: readonly string[] };

/** Names that are not in the definitions of the commands. A call fails if they cannot be read. */
export interface Sources {
  clusters(): Promise<ReachedCluster[]>;
  contexts(): Promise<Candidate[]>;
  profiles(): Promise<Candidate[]>;
}

/** An unfinished command line. */
type Line = ReturnType<typeof readLine>;

/**
 * Completes the last word, which is under the cursor, from the definitions of the commands. `sourcesFor` is called once
 * the command has the options before it. @returns `undefined` for the name of a file, which the shell completes
 */
export async function complete(
  root: EckCommand,
  words: readonly string[],
  sourcesFor: (command: EckCommand) => Sources,
): Promise<Candidate[] | undefined> {
  const line = readLine(root, words);
  if (/[<[]FILE\b/.test(line.option?.flags ?? '')) return undefined;
  const byValue = new Map<string, Candidate>();
  for (const found of await findCandidates(root, line, sourcesFor(line.command))) {
    const { value } = found;
    if (value !== '' && value.startsWith(line.prefix) && !byValue.has(value)) byValue.set(value, found);
  }
  return [...byValue.values()];
}

/**
 * Reads an unfinished command line with commander, which sets the options of the command, by default the root. The value
 * of an `option`, a flag, or the next operand is under the cursor, and begins with `prefix`.
 */
function readLine(root: EckCommand, words: readonly string[]) {
  const [name = '', ...before] = words.slice(0, -1);
  const prefix = words.at(-1) ?? '';
  const command = words.length < 2 ? root : (findCommand(root, name) ?? root.createCommand(name));
  const optionOf = (flag = ''): Option | undefined =>
    command.options.find(({ short, long }) => flag === short || flag === long);
  const line = { command, operands: [] as readonly string[], option: undefined, isFlag: false, prefix };
  try {
    const { operands } = command.parseOptions(before);
    if (!prefix.startsWith('-') || before.includes('--')) return { ...line, operands };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // The last option has no value yet.
    return { ...line, option: optionOf(before.at(-1)) };
  }
  const [, flag, value = ''] = /^(--[^=]+)=(.*)$/s.exec(prefix) ?? [];
  const option = optionOf(flag);
  return option === undefined ? { ...line, isFlag: true } : { ...line, option, prefix: value };
}

function findCommand(root: EckCommand, name: string): EckCommand | undefined {
  const commands = root.createHelp().visibleCommands(root);
  const ours = commands.filter((command) => command instanceof EckCommand);
  return ours.find((command) => command.name() === name || command.aliases().includes(name));
}

async function findCandidates(root: EckCommand, line: Line, sources: Sources): Promise<Candidate[]> {
  const { command, option, operands } = line;
  if (line.isFlag) return flagCandidates(command);
  if (option === undefined && command === root) return commandCandidates(root);
  const { registeredArguments: args } = command;
  const taker = option ?? args[operands.length] ?? args.find(({ variadic }) => variadic);
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

function commandCandidates(root: EckCommand): Candidate[] {
  const commands = root.createHelp().visibleCommands(root);
  return commands.map((command) => candidate(command.name(), command.summary() || command.description()));
}

/** The flags that are not on the line yet. */
function flagCandidates(command: EckCommand): Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options
    .filter((option) => command.getOptionValueSource(option.attributeName()) !== 'cli')
    .map(({ long = '', description }) => candidate(long, description.replace(/ \[\$\w+\]$/, '')));
}

/** Clusters that are not on the line yet: by id, and by name or context once the person has begun to type one. */
function clusterCandidates({ operands, command, prefix }: Line, clusters: readonly ReachedCluster[]): Candidate[] {
  const others = clusters.filter(
    ({ clusterId, name = clusterId }) => !operands.includes(clusterId) && !operands.includes(name),
  );
  const byName = takesContexts(command) ? contextCandidates : nameCandidates;
  return [...others.map(idCandidate), ...(prefix === '' ? [] : others.flatMap(byName))];
}

/** Whether a command is about clusters with a cached credential or a context, and takes a context's name for one. */
export function takesContexts(command: EckCommand): boolean {
  return ['status', 'refresh', 'logout', 'doctor'].includes(command.name());
}

function idCandidate({ clusterId, name, region, contexts }: ReachedCluster): Candidate {
  const described = contexts.flatMap((context) => (context === clusterId ? [] : `context ${context}`));
  return candidate(clusterId, name === clusterId ? '' : name, region, ...described);
}

function nameCandidates({ name, clusterId, region }: KnownCluster): Candidate[] {
  return name === undefined || name === clusterId ? [] : [candidate(name, clusterId, region)];
}

function contextCandidates({ clusterId, contexts }: ReachedCluster): Candidate[] {
  return contexts.map((context) => candidate(context, clusterId));
}
