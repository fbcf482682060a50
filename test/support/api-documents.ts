/** A node of a cluster, as far as `kubectl get nodes` shows it. What is left out has a default. */
export interface ClusterNode {
  readonly name: string;
  readonly ready?: boolean;
  readonly roles?: string;
  readonly version?: string;
  /** As the API server writes it into a table. It does not change with time, so that output can be compared. */
  readonly age?: string;
}

/** Who makes a request. */
export interface ApiUser {
  readonly username: string;
  readonly groups: readonly string[];
}

/** A document of the Kubernetes API. */
export type ApiDocument = Readonly<Record<string, unknown>>;

/** An HTTP status and the document that goes with it. */
export interface ApiAnswer {
  readonly status: number;
  readonly document: ApiDocument;
}

const creationTimestamp = '2026-01-01T00:00:00Z';

/** The answer to one who is nobody: in the very words of a real API server. */
export const unauthorized = failure(401, 'Unauthorized', 'Unauthorized');

/** The answer for a path that does not exist. */
export const notFound = failure(404, 'NotFound', 'the server could not find the requested resource');

/** The answer for a node that does not exist. */
export function nodeNotFound(name: string): ApiAnswer {
  return failure(404, 'NotFound', `nodes "${name}" not found`);
}

/** The answer for what a user may not read. */
export function forbidden(user: ApiUser, path: string): ApiAnswer {
  return failure(403, 'Forbidden', `forbidden: User "${user.username}" cannot get path "${path}"`);
}

function failure(status: number, reason: string, message: string): ApiAnswer {
  return {
    status,
    document: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      code: status,
    },
  };
}

/** `/version`. */
export function versionInfo(gitVersion: string): ApiDocument {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: creationTimestamp,
    goVersion: 'go1.24.0',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

/** What there is to discover, by path. Plain discovery: every kubectl falls back to it. */
export const discovery: Readonly<Record<string, ApiDocument>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: [
      {
        name: 'authentication.k8s.io',
        versions: [{ groupVersion: 'authentication.k8s.io/v1', version: 'v1' }],
        preferredVersion: { groupVersion: 'authentication.k8s.io/v1', version: 'v1' },
      },
    ],
  },
  '/api/v1': {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: 'v1',
    resources: [
      {
        name: 'nodes',
        singularName: 'node',
        namespaced: false,
        kind: 'Node',
        verbs: ['get', 'list'],
        shortNames: ['no'],
      },
    ],
  },
  '/apis/authentication.k8s.io/v1': {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: 'authentication.k8s.io/v1',
    resources: [
      {
        name: 'selfsubjectreviews',
        singularName: 'selfsubjectreview',
        namespaced: false,
        kind: 'SelfSubjectReview',
        verbs: ['create'],
      },
    ],
  },
};

/** The answer to `kubectl auth whoami`. */
export function selfSubjectReview({ username, groups }: ApiUser): ApiDocument {
  return {
    kind: 'SelfSubjectReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp },
    status: { userInfo: { username, groups } },
  };
}

/** One node, as an object. */
export function nodeDocument(node: ClusterNode): ApiDocument {
  const { name, ready, roles, version } = withDefaults(node);
  return {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: `uid-of-${name}`,
      creationTimestamp,
      labels: roles === '<none>' ? {} : { [`node-role.kubernetes.io/${roles}`]: '' },
    },
    spec: {},
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      nodeInfo: { kubeletVersion: version },
    },
  };
}

/** All nodes, as objects. */
export function nodeList(nodes: readonly ClusterNode[]): ApiDocument {
  return {
    kind: 'NodeList',
    apiVersion: 'v1',
    metadata: { resourceVersion: '1' },
    items: nodes.map(nodeDocument),
  };
}

/** Nodes as a table of the group `meta.k8s.io` in the version that was asked for. */
export function nodeTable(nodes: readonly ClusterNode[], version: string): ApiDocument {
  const apiVersion = `meta.k8s.io/${version}`;
  return {
    kind: 'Table',
    apiVersion,
    metadata: { resourceVersion: '1' },
    columnDefinitions: ['Name', 'Status', 'Roles', 'Age', 'Version'].map((name) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: 0,
    })),
    rows: nodes.map(withDefaults).map((node) => ({
      cells: [node.name, node.ready ? 'Ready' : 'NotReady', node.roles, node.age, node.version],
      object: {
        kind: 'PartialObjectMetadata',
        apiVersion,
        metadata: { name: node.name, uid: `uid-of-${node.name}`, creationTimestamp },
      },
    })),
  };
}

function withDefaults(node: ClusterNode): Required<ClusterNode> {
  return { ready: true, roles: '<none>', version: 'v1.31.9-aliyunedge.1', age: '34d', ...node };
}
