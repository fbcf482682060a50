// Prints a cluster's nodes with @kubernetes/client-node, which blocks its process while a credential plugin runs.
//
// Usage: client-node-get-nodes.ts KUBECONFIG
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';

const kubeconfig = new KubeConfig();
kubeconfig.loadFromFile(process.argv[2] ?? '');
const { items } = await kubeconfig.makeApiClient(CoreV1Api).listNode();
for (const { metadata } of items) console.log(metadata?.name);
