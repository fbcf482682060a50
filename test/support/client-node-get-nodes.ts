// Lists a cluster's nodes through @kubernetes/client-node and its own exec support, in a process of its own: the
// library waits for a credential plugin without letting anything else run.
//
// Usage: client-node-get-nodes.ts KUBECONFIG
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';

const [, , file] = process.argv;
if (file === undefined) throw new Error('which kubeconfig?');
const kubeconfig = new KubeConfig();
kubeconfig.loadFromFile(file);
const { items } = await kubeconfig.makeApiClient(CoreV1Api).listNode();
for (const { metadata } of items) console.log(metadata?.name);
