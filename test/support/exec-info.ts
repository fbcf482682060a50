/** `KUBERNETES_EXEC_INFO` as kubectl sets it, with changed fields. */
export function execInfo(changes: object = {}): string {
  const spec = { interactive: false };
  return JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec,
    ...changes,
  });
}
