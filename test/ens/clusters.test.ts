import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openClient } from '../../src/ens/client.js';
import { listClusters, readClusters, type ClusterFilter } from '../../src/ens/actions.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { apiError } from '../support/ens-faults.js';
import { EnsServer } from '../support/ens-server.js';
import { settings, TemporaryHome } from './fixtures.js';

describe('what is read of a listing', () => {
  const listed = {
    AliUid: '1574790082031102',
    ClusterId: 'eck-1',
    Name: 'edge',
    EnsRegionId: 'cn-hangzhou-58',
    KubernetesVersion: '1.31.9-aliyunedge.1',
    PublicAccess: true,
    VpcId: 'n-1',
    LoadBalancerId: 'lb-1',
    ContainerCidr: '172.20.0.0/16',
    ServiceCidr: '172.19.0.0/20',
    ControlPlaneConfig: { InstanceSpec: 'ens.sn1.large', Size: 3, Password: 'hunter2' },
    Config: { users: [{ user: { 'client-key-data': 'c2VjcmV0' } }] },
    JoinToken: 'abcdef.0123456789abcdef',
    SomethingNew: 'hunter2',
  };
  const cluster = {
    clusterId: 'eck-1',
    name: 'edge',
    region: 'cn-hangzhou-58',
    kubernetesVersion: '1.31.9-aliyunedge.1',
    publicAccess: true,
    vpcId: 'n-1',
    loadBalancerId: 'lb-1',
    containerCidr: '172.20.0.0/16',
    serviceCidr: '172.19.0.0/20',
    controlPlane: { instanceSpec: 'ens.sn1.large', size: 3 },
  };

  test('is what a person looks for, and no secret', () => {
    expect(readClusters([listed])).toEqual([cluster]);
  });

  test('is what there is of a cluster that says little', () => {
    expect(readClusters([{ ClusterId: 'eck-1', ControlPlaneConfig: null }])).toEqual([
      { clusterId: 'eck-1', name: '', region: '', kubernetesVersion: '', publicAccess: false },
    ]);
  });

  test('is text without control characters', () => {
    const [read] = readClusters([{ ...listed, Name: '\u001b[2Jedge\n', VpcId: 'n\u202e-1' }]);
    expect(read).toMatchObject({ name: '[2Jedge', vpcId: 'n -1' });
  });

  test('is in the order of names, then ids, by code points', () => {
    const named = (Name: string, ClusterId: string): object => ({ Name, ClusterId });
    const clusters = [named('b', 'eck-2'), named('杭州', 'eck-4'), named('b', 'eck-1'), named('B', 'eck-3')];
    expect(readClusters(clusters).map(({ clusterId }) => clusterId)).toEqual([
      'eck-3',
      'eck-1',
      'eck-2',
      'eck-4',
    ]);
  });

  test.each([[undefined], [null], [[]], [[null, 'eck-1', 7, {}, { ClusterId: '../eck' }, { ClusterId: 7 }]]])(
    'is no cluster in %j',
    (clusters) => {
      expect(readClusters(clusters)).toEqual([]);
    },
  );

  test.each([[{}], ['eck-1'], [7], [true]])('is refused where %j stands for a list', (clusters) => {
    expect(() => readClusters(clusters)).toThrow(expect.objectContaining({ code: 'ens-answer-invalid' }));
  });
});

describe('the clusters of an account', () => {
  const alice = { name: 'alice', accessKeyId: 'LTAI5tAlice', accessKeySecret: 'hunter2hunter2' };
  let ens: EnsServer;
  let home: TemporaryHome;

  beforeEach(async () => {
    const authority = await CertificateAuthority.create({ name: 'list-test' });
    const server = 'https://192.0.2.1:6443';
    ens = await EnsServer.start({
      identities: [alice],
      clusters: [
        { clusterId: 'eck-1', authority, server, name: 'one', region: 'cn-hangzhou-58' },
        { clusterId: 'eck-2', authority, server, name: 'two', region: 'cn-hangzhou-58' },
        { clusterId: 'eck-3', authority, server, name: 'two', region: 'cn-shanghai-1' },
      ],
    });
    home = new TemporaryHome();
    home.useEnvironment({
      ALIBABA_CLOUD_ACCESS_KEY_ID: alice.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: alice.accessKeySecret,
    });
  });
  afterEach(async () => {
    home.dispose();
    await ens.stop();
  });

  async function ids(filter: ClusterFilter): Promise<string[]> {
    const account = await openClient(settings({ endpoint: ens.endpoint }), home.world);
    const clusters = await listClusters(account, filter, home.world);
    return clusters.map(({ clusterId }) => clusterId);
  }

  test.each<[ClusterFilter, string[]]>([
    [{}, ['eck-1', 'eck-2', 'eck-3']],
    [{ name: 'two' }, ['eck-2', 'eck-3']],
    [{ region: 'cn-hangzhou-58' }, ['eck-1', 'eck-2']],
    [{ name: 'two', region: 'cn-hangzhou-58' }, ['eck-2']],
    [{ name: 'three' }, []],
  ])('that match %j are listed by one call', async (filter, expected) => {
    expect(await ids(filter)).toEqual(expected);
    expect(ens.calls()).toBe(1);
  });

  test('are asked for again where ENS asks to slow down', async () => {
    ens.failNext(1, apiError('Throttling.User'));
    expect(await ids({})).toHaveLength(3);
    expect(ens.calls('DescribeClustersV1')).toBe(2);
  });

  test('are not listed to whom it is not allowed, and the action to grant is named', async () => {
    ens.putIdentity({ ...alice, allowedActions: ['DescribeClusterUserKubeconfig'] });
    await expect(ids({})).rejects.toMatchObject({
      code: 'ens-not-allowed',
      message: expect.stringContaining('ens:DescribeClustersV1'),
    });
  });
});
