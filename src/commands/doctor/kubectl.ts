import { printable } from '../../errors.js';
import { isMapping } from '../../mapping.js';
import { failed, ok, warning, type Check } from './check.js';
import { findProgram } from './find-program.js';
import { runProgram } from './run-program.js';

/** The first kubectl that understands `client.authentication.k8s.io/v1` is 1.22. */
const firstMinorWithV1 = 22;

/** There is a kubectl, and it understands the version of the context's `exec` entry. */
export const kubectl: Check = {
  name: 'kubectl',
  async examine({ subject, world }) {
    const found = findProgram('kubectl', world);
    const install = 'install kubectl: https://kubernetes.io/docs/tasks/tools/';
    if (found === undefined) {
      return warning('no kubectl on PATH; other programs can use the context all the same', {
        remedy: install,
      });
    }
    const path = printable(found);
    const output = await runProgram(found, ['version', '--client', '-o', 'json'], world.environment);
    const version = output === undefined ? undefined : parseVersion(output);
    if (version === undefined) {
      return warning(`${path} does not say which version of kubectl it is`, { remedy: install });
    }
    const exec = subject.isOwn ? subject.connection?.user['exec'] : undefined;
    const needsV1 = isMapping(exec) && exec['apiVersion'] === 'client.authentication.k8s.io/v1';
    if (needsV1 && version.major === 1 && version.minor < firstMinorWithV1) {
      return failed(`${version.text} at ${path} is too old for the context, whose exec entry is of v1`, {
        remedy: subject.setUpCommand({ 'exec-api-version': 'v1beta1' }),
        code: 'kubectl-too-old',
      });
    }
    return ok(`${version.text} at ${path}`);
  },
};

/** Reads what `kubectl version --client -o json` prints. */
function parseVersion(output: string): { text: string; major: number; minor: number } | undefined {
  const [, text = '', major, minor] = /"gitVersion":\s*"(v?(\d+)\.(\d+)[^"]*)"/.exec(output) ?? [];
  return text === '' ? undefined : { text: printable(text, 60), major: Number(major), minor: Number(minor) };
}
