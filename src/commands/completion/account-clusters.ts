import { readCliProfiles } from '../../ens/cli-profiles.js';
import { messageOf } from '../../errors.js';
import { resolveIdentity } from '../../exec-credential/resolve-identity.js';
import { settlesWithin } from '../../store/time-limit.js';
import type { Settings } from '../../settings.js';
import { recallClusters, rememberClusters, type ListedCluster } from './cluster-list.js';
import type { World } from '../../world.js';

/** Longer than that nobody waits for a list after pressing TAB. */
const limitMs = 1500;

/**
 * The account's clusters, from a list that is at most a minute old. Where there is none, ENS is asked for it, within a
 * tight limit; where that fails, there are none, and for a minute ENS is not asked again.
 */
export async function accountClusters(settings: Settings, world: World): Promise<ListedCluster[]> {
  const recalled = await recallClusters(settings, world);
  if (recalled !== undefined) return recalled;
  const listed = (await signsInSilently(settings, world)) ? await fetchClusters(settings, world) : [];
  await rememberClusters(settings, listed, world);
  return listed;
}

async function fetchClusters(settings: Settings, world: World): Promise<ListedCluster[]> {
  const impatient: Settings = {
    ...settings,
    timeoutMs: limitMs,
  };
  const listing = (async () => {
    const [{ openClient }, { listClusters }] = await Promise.all([
      import('../../ens/client.js'),
      import('../../ens/actions.js'),
    ]);
    return listClusters(await openClient(impatient, world), {}, world, {
      // Somebody waits: what failed once is not tried again.
      onRetry: (error) => {
        throw error;
      },
    });
  })();
  try {
    if (await settlesWithin(listing, limitMs)) return await listing;
    world.debug(`the account's clusters were not listed within ${limitMs} ms`);
  } catch (error) {
    world.debug(`the account's clusters cannot be listed: ${messageOf(error)}`);
  }
  return [];
}

/** The modes of CLI profiles that run a program to sign in, or write a new token into the CLI's file when they do. */
const loudModes: readonly (string | undefined)[] = ['External', 'OAuth'];

/** Whether signing in neither asks anybody nor changes anything, also where it is given up in the middle. */
async function signsInSilently(settings: Settings, world: World): Promise<boolean> {
  const identity = await resolveIdentity(settings, world);
  if (identity.kind !== 'profile') return true;
  const cli = await readCliProfiles(world.homeDirectory());
  return !loudModes.includes(cli?.profiles.find(({ name }) => name === identity.name)?.mode);
}
