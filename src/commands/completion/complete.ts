import type { Argument, Command, Option } from 'commander';
import { nothing, type Candidate, type Completion } from './candidate.js';
import { isAboutKept } from './kept-commands.js';
import { readLine, visibleCommands, visibleOptions, type Line } from './line.js';
import type { KnownCluster, Sources } from './sources.js';

/**
 * What the word under the cursor can become, by the definitions of the commands: commands, flags, and values of flags
 * and arguments.
 *
 * @param words what follows the program's name; the last one is the word under the cursor
 * @param sourcesFor where names come from that are not in the definitions, for this line
 * @throws whatever the sources throw
 */
export async function complete(
  root: Command,
  words: readonly string[],
  sourcesFor: (line: Line) => Sources,
): Promise<Completion> {
  const line = readLine(root, words);
  const completion = await completeLine(root, line, sourcesFor(line));
  const matching = completion.candidates.filter(({ value }) => value.startsWith(line.prefix));
  return { ...completion, candidates: withoutRepetition(matching) };
}

async function completeLine(root: Command, line: Line, sources: Sources): Promise<Completion> {
  const { command, asked } = line;
  switch (asked.kind) {
    case 'flag':
      return { candidates: flags(line), isFile: false };
    case 'value':
      return completeValue(asked.option, line, sources);
    case 'argument': {
      if (command === root) return { candidates: commandNames(root), isFile: false };
      const argument = argumentAt(command, asked.index);
      return argument === undefined ? nothing : completeArgument(root, argument, line, sources);
    }
  }
}

async function completeValue(option: Option, line: Line, sources: Sources): Promise<Completion> {
  if (option.argChoices !== undefined) return choices(option.argChoices);
  if (/[<[](?:FILE|PATH)\b/.test(option.flags)) return { candidates: [], isFile: true };
  const find = sourceOfFlag[option.long ?? ''];
  return find === undefined ? nothing : { candidates: await find(sources, line), isFile: false };
}

/** The flags whose values are names of something that there is. */
const sourceOfFlag: Readonly<
  Record<string, (sources: Sources, line: Line) => Candidate[] | Promise<Candidate[]>>
> = {
  '--cluster-id': async (sources) => (await sources.clusters()).map(idCandidate),
  '--context': (sources) => sources.contexts(),
  '--name': async (sources) => (await sources.clusters()).flatMap(nameCandidate),
  '--profile': (sources) => sources.profiles(),
  '--region': async (sources) =>
    (await sources.clusters()).map(({ region }) => ({ value: region ?? '', description: '' })),
};

async function completeArgument(
  root: Command,
  argument: Argument,
  line: Line,
  sources: Sources,
): Promise<Completion> {
  if (argument.argChoices !== undefined) return choices(argument.argChoices);
  if (argument.name() === 'command') return { candidates: commandNames(root), isFile: false };
  if (argument.name() === 'CONTEXT') return { candidates: await sources.contexts(), isFile: false };
  if (argument.name() !== 'CLUSTER') return nothing;
  const clusters = (await sources.clusters()).filter(
    ({ clusterId, name }) =>
      !line.operands.includes(clusterId) && !(name !== undefined && line.operands.includes(name)),
  );
  const ids = clusters.map(idCandidate);
  const names = clusters.flatMap(isAboutKept(line.command) ? contextCandidates : nameCandidate);
  // Ids are short and always right. A name is offered to those who have begun to type one.
  return { candidates: line.prefix === '' ? ids : [...ids, ...names], isFile: false };
}

function choices(values: readonly string[]): Completion {
  return { candidates: values.map((value) => ({ value, description: '' })), isFile: false };
}

function commandNames(root: Command): Candidate[] {
  return visibleCommands(root).map((command) => ({
    value: command.name(),
    description: command.summary() || command.description(),
  }));
}

/** The flags that can still be given: each once, unless it takes several values. */
function flags({ command, given, prefix }: Line): Candidate[] {
  return visibleOptions(command)
    .filter((option) => option.variadic || !given.has(option))
    .flatMap(({ long, short, description }) =>
      // A short flag only where the long ones do not begin alike: nobody reads each flag twice.
      [long, prefix === '-' || prefix === short ? short : undefined].map((flag) => ({
        value: flag ?? '',
        description: description.replace(/ \[\$\w+\]$/, ''),
      })),
    )
    .filter(({ value }) => value !== '');
}

/** The argument that a command has in a place. The last one may stand for all that follow. */
function argumentAt(command: Command, index: number): Argument | undefined {
  const known = command.registeredArguments;
  const last = known.at(-1);
  return known[index] ?? (last?.variadic === true ? last : undefined);
}

function idCandidate({ clusterId, name, region, contexts }: KnownCluster): Candidate {
  const described = [
    ...(name === undefined || name === '' || name === clusterId ? [] : [name]),
    ...(region === undefined || region === '' ? [] : [region]),
    ...contexts.filter((context) => context !== clusterId).map((context) => `context ${context}`),
  ];
  return { value: clusterId, description: described.join(', ') };
}

function nameCandidate({ name, clusterId, region }: KnownCluster): Candidate[] {
  if (name === undefined || name === '' || name === clusterId) return [];
  return [{ value: name, description: [clusterId, ...(region ? [region] : [])].join(', ') }];
}

function contextCandidates({ clusterId, contexts }: KnownCluster): Candidate[] {
  return contexts.map((context) => ({ value: context, description: clusterId }));
}

function withoutRepetition(candidates: readonly Candidate[]): Candidate[] {
  const byValue = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (candidate.value !== '' && !byValue.has(candidate.value)) byValue.set(candidate.value, candidate);
  }
  return [...byValue.values()];
}
