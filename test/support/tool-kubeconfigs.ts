import { dump } from 'js-yaml';

/** What a kubeconfig of another tool needs to reach an API server. The certificates and the key are PEM. */
interface Access {
  readonly server: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly token: string;
  /** Where files are that a kubeconfig names. */
  readonly directory: string;
}

/** Programs that kubeconfigs of other tools run for a token. */
export const tokenPrograms = ['aws', 'gke-gcloud-auth-plugin'];

/** Kubeconfigs with the names, order, quoting, folding and indentation of the tools that write them. */
export function toolKubeconfigs({ server, authority, certificate, key, token, directory }: Access) {
  const [ca, cert, keyData] = [authority, certificate, key].map((pem) => Buffer.from(pem).toString('base64'));
  const certificateUser = `    client-certificate-data: ${cert}\n    client-key-data: ${keyData}\n`;
  /** As client-go writes a kubeconfig: sorted, and without indentation of lists. */
  const clientGo = (cluster: string, user: string, context: string, content: string): string => `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${ca}
    server: ${server}
  name: ${cluster}
contexts:
- context:
    cluster: ${cluster}
    user: ${user}
  name: ${context}
current-context: ${context}
kind: Config
preferences: {}
users:
- name: ${user}
  user:
${content}`;

  const minikubeExtension = (name: string): string => `    extensions:
    - extension:
        last-update: Wed, 26 Aug 2026 23:15:12 UTC
        provider: minikube.sigs.k8s.io
        version: v1.38.1
      name: ${name}
`;
  const eks = 'arn:aws:eks:us-west-2:012345678912:cluster/edge';
  const gke = 'gke_edge-273101_asia-northeast1-a_edge';
  const openShift = 'api-ocp-example-com:6443';
  const rancherData = ca?.replace(/.{76}(?=.)/g, '$&\\\n      ');

  return {
    'Docker Desktop, k3d and kubeadm': clientGo('kubernetes', 'admin', 'admin@kubernetes', certificateUser),
    minikube: `apiVersion: v1
clusters:
- cluster:
    certificate-authority: ${directory}/ca.crt
${minikubeExtension('cluster_info')}    server: ${server}
  name: minikube
contexts:
- context:
    cluster: minikube
${minikubeExtension('context_info')}    namespace: default
    user: minikube
  name: minikube
current-context: minikube
kind: Config
users:
- name: minikube
  user:
    client-certificate: ${directory}/client.crt
    client-key: ${directory}/client.key
`,
    Rancher: `apiVersion: v1
kind: Config
clusters:
- name: "edge"
  cluster:
    server: "${server}/k8s/clusters/c-m-8dbg2lrc"
    certificate-authority-data: "${rancherData}"
- name: "edge-master1"
  cluster:
    server: "${server}"
    certificate-authority-data: "${rancherData}"

users:
- name: "edge"
  user:
    token: "${token}"


contexts:
- name: "edge"
  context:
    user: "edge"
    cluster: "edge"
- name: "edge-master1"
  context:
    user: "edge"
    cluster: "edge-master1"

current-context: "edge"
`,
    OpenShift: `apiVersion: v1
clusters:
- cluster:
    insecure-skip-tls-verify: true
    server: ${server}
  name: ${openShift}
contexts:
- context:
    cluster: ${openShift}
    namespace: default
    user: kube:admin/${openShift}
  name: default/${openShift}/kube:admin
- context:
    cluster: ${openShift}
    user: kube:admin/${openShift}
  name: /${openShift}/kube:admin
current-context: default/${openShift}/kube:admin
kind: Config
preferences: {}
users:
- name: kube:admin/${openShift}
  user:
    token: ${token}
`,
    EKS: clientGo(
      eks,
      eks,
      eks,
      `    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - us-west-2
      - eks
      - get-token
      - --cluster-name
      - edge
      - --output
      - json
      command: aws
      env:
      - name: AWS_PROFILE
        value: edge
`,
    ),
    GKE: clientGo(
      gke,
      gke,
      gke,
      `    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin for use with kubectl by following
        https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl#install_plugin
      provideClusterInfo: true
`,
    ),
    AKS: clientGo('edge', 'clusterUser_rg_edge', 'edge', `${certificateUser}    token: "${token}"\n`),
    // Long texts are folded.
    Lens: dump({
      apiVersion: 'v1',
      kind: 'Config',
      preferences: {},
      'current-context': 'edge',
      clusters: [
        {
          name: 'edge',
          cluster: { 'certificate-authority-data': ca, server, 'insecure-skip-tls-verify': false },
        },
      ],
      contexts: [{ name: 'edge', context: { cluster: 'edge', user: 'edge' } }],
      users: [{ name: 'edge', user: { 'client-certificate-data': cert, 'client-key-data': keyData } }],
    }),
  };
}
