import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ItemChange } from '../../src/kubeconfig/edit.js';
import { contentsOf, kinds, sections, type ContextEntry, type Section } from '../../src/kubeconfig/entry.js';

export const certificateAuthorityPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** What `get-credentials` writes for a cluster. */
export function contextEntry(id: string, changes: Partial<ContextEntry> = {}): ContextEntry {
  return {
    name: id,
    server: `https://${id}.example:6443`,
    certificateAuthorityPem,
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'kubectl-eck',
      args: ['exec-credential', '--cluster-id', id],
      interactiveMode: 'Never',
      provideClusterInfo: false,
      installHint: 'Install it: kubectl krew install eck',
    },
    ...changes,
  };
}

/** An entry of a section with the content that {@link contextEntry} becomes there. */
export function added(section: Section, name: string, id = name): ItemChange {
  return { section, name, item: { name, [kinds[section]]: contentsOf(contextEntry(id))[section] } };
}

/** The lines that one entry of {@link contextEntry} becomes in a section, each followed by a line end. */
export function entryLines(id: string, section: Section): string[] {
  const caData = Buffer.from(certificateAuthorityPem).toString('base64');
  const lines = {
    clusters: `    server: https://${id}.example:6443\n    certificate-authority-data: ${caData}`,
    users: `    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: kubectl-eck
      args: [exec-credential, --cluster-id, ${id}]
      interactiveMode: Never
      provideClusterInfo: false
      installHint: "Install it: kubectl krew install eck"`,
    contexts: `    cluster: ${id}\n    user: ${id}`,
  };
  return [`- name: ${id}`, `  ${kinds[section]}:`, ...lines[section].split('\n')];
}

/** The three sections with one entry of ours in each. */
export function sectionsText(id: string): string {
  return sections.map((section) => [`${section}:`, ...entryLines(id, section), ''].join('\n')).join('');
}

/** Everything in a directory: names, kinds, modes, and which files are the same and unchanged. */
export function snapshot(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const stats = lstatSync(join(directory, name), { bigint: true });
      return [name, `${stats.mode} ${stats.ino} ${stats.isFile() ? stats.mtimeNs : ''}`];
    }),
  );
}

/** A text without, and with, entries of ours in the places that are marked by lines such as `  «clusters»`. */
export function withPlaces(template: string, id: string): { before: string; after: string } {
  const line = /^( *)«(\w+)»\r?\n/gm;
  const lineEnd = template.includes('\r\n') ? '\r\n' : '\n';
  return {
    before: template.replace(line, ''),
    after: template.replace(line, (_, indent: string, section: Section) =>
      entryLines(id, section)
        .map((text) => indent + text + lineEnd)
        .join(''),
    ),
  };
}

/** Nine lines of YAML that stand for a billion values. `a0` is the anchor of the first one. */
export const growingAliases = Array.from({ length: 9 }, (_, level) => {
  return `a${level + 1}: &a${level + 1} [${Array(9).fill(`*a${level}`).join(',')}]\n`;
}).join('');

/** A kubeconfig written by hand, with places for new entries, comments, anchors, aliases, merge keys and odd layout. */
export const lovedKubeconfig = `# My clusters. Ask ops before touching "prod"!
apiVersion: v1
kind: Config   # as kubectl wants it
x-owner: &owner {team: 'edge', "mail": edge@example.com}
x-defaults: &defaults
  insecure-skip-tls-verify: false
  proxy-url: http://proxy.example:3128    # the only way out

clusters:
# --- production ---
- name: 'prod'
  cluster:
    server: "https://prod.example:6443"
    certificate-authority-data: |-
      UEVN
      UEVN
    x-cost-center: 0042
- &staging
  name: staging
  cluster: {server: https://staging.example:6443, <<: *defaults}
-   cluster:
        server:   https://lab.example
    name:   lab # odd indentation, kept
    # certificate-authority: /etc/lab.pem
«clusters»

# --- people ---
users:
  - name: me
    user: &me
      # rotated every spring
      token: s3cret
  - name: robot
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: other-plugin
        args: ["get", '--token']
        interactiveMode: IfAvailable
  - {name: me-too, user: *me}
  «users»
contexts: # ten of them
- context: {cluster: prod, user: me}
  name: prod
- context: {cluster: prod, user: robot, namespace: kube-system}
  name: prod-robot
- {name: staging, context: {cluster: staging, user: me}}
${Array.from({ length: 6 }, (_, index) => `- name: lab-${index}\n  context: &lab${index}\n    cluster: lab\n    user: me\n    x-owner: *owner\n`).join('')}- name: "last"
  context:
    <<: *lab5
    namespace: last

«contexts»
current-context: prod  # careful
preferences:
  colors: true
extensions:
- name: notes
  extension:
    text: |+
      Keep the blank line below.

# vim: set ft=yaml sw=2:
`.replace(/\n«contexts»/, '«contexts»\n');
