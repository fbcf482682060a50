import { readCliProfiles } from '../../ens/cli-profiles.js';
import { readContexts } from '../../kubeconfig/user.js';
import { locateKubeconfig } from '../../kubeconfig/user-locate.js';
import { readSettings, settingFlags, type Settings } from '../../settings.js';
import type { World } from '../../world.js';
import { accountClusters } from './account-clusters.js';
import type { Candidate } from './candidate.js';
import { isAboutKept } from './kept-commands.js';
import { keptClusters } from './kept-clusters.js';
import type { Line } from './line.js';

/** A cluster as far as it is known without asking for it. */
export interface KnownCluster {
  readonly clusterId: string;
  readonly name?: string;
  readonly region?: string;
  /** The contexts of the user kubeconfig that reach it. */
  readonly contexts: readonly string[];
}

/** Where the names come from that can be completed. Each gives what there is, and fails where that cannot be read. */
export interface Sources {
  /** The clusters that the command can be about. */
  clusters(): Promise<KnownCluster[]>;
  /** The contexts of the user kubeconfig. */
  contexts(): Promise<Candidate[]>;
  /** The profiles of the aliyun CLI. */
  profiles(): Promise<Candidate[]>;
}

/** The flags that say whose clusters are meant. */
const accountFlags = ['profile', 'role-arn', 'endpoint', 'site'] as const;

/** The sources for a line: what is on it already decides whose clusters and which file's contexts. */
export function sourcesFor(line: Line, world: World): Sources {
  const { values, command } = line;
  const kubeconfig = locateKubeconfig({
    flag: values.get('kubeconfig'),
    environment: world.environment,
    homeDirectory: world.homeDirectory(),
    platform: world.platform,
  });

  return {
    async clusters() {
      const settings = settingsOf(line, world);
      const saysWho = accountFlags.some((flag) => values.has(flag));
      const [kept, listed] = await Promise.all([
        keptClusters(kubeconfig, saysWho ? settings : undefined, world),
        isAboutKept(command) ? [] : accountClusters(settings, world),
      ]);
      const byId = new Map<string, KnownCluster>(kept.map((cluster) => [cluster.clusterId, cluster]));
      for (const cluster of listed) {
        byId.set(cluster.clusterId, { contexts: [], ...byId.get(cluster.clusterId), ...cluster });
      }
      return [...byId.values()];
    },

    async contexts() {
      const { contexts, currentContext } = await readContexts(kubeconfig);
      return contexts.map(({ name }) => ({
        value: name,
        description: name === currentContext ? 'current context' : '',
      }));
    },

    async profiles() {
      const cli = await readCliProfiles(world.homeDirectory());
      return (cli?.profiles ?? []).map(({ name, mode, region }) => ({
        value: name,
        description: [mode, region, name === cli?.current ? 'current profile' : undefined]
          .filter((part) => part !== undefined)
          .join(', '),
      }));
    },
  };
}

function settingsOf({ values }: Line, { environment }: World): Settings {
  const typed = settingFlags.flatMap((flag) => {
    const text = values.get(flag);
    return text === undefined ? [] : [[flag, text] as const];
  });
  return readSettings(Object.fromEntries(typed), environment);
}
