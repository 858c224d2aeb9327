/** The files that deploy MiniPay agree with it, and with each other: settings, ports, routes, names, times. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'
import { ENDPOINTS } from '../src/api/endpoints.ts'
import { COMMANDS } from '../src/cli.ts'
import { type Config, readConfig } from '../src/config.ts'
import { folderOf } from './kit/folders.ts'
import { serve } from './kit/server.ts'
import { databaseFiles } from './kit/sqlite-file.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const { version }: { version: string } = JSON.parse(read('package.json'))
const IMAGE = `minipay:${version}`
/** What `minipay serve` waits beyond its timeout before it exits whatever hangs. */
const LAST_WAIT_MS = 2_000
const HAPROXY_CONFIG = '/usr/local/etc/haproxy/haproxy.cfg'

type Service = {
  readonly image: string
  readonly environment?: Readonly<Record<string, string | number>>
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
}
const COMPOSE = read('compose.yaml')
const { services }: { services: Readonly<Record<string, Service>> } = parse(COMPOSE, { merge: true })
const service = (name: string): Service => services[name] ?? assert.fail(`there is no service ${name}`)
const NODES = Object.keys(services).filter((name) => service(name).image === IMAGE)

type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }
type Container = {
  readonly image: string
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly readinessProbe: Probe & { readonly timeoutSeconds: number }
  readonly livenessProbe: Probe
  readonly startupProbe: Probe
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly securityContext: Readonly<Record<string, unknown>>
}
type Labels = Readonly<Record<string, string>>
type Pod = {
  readonly enableServiceLinks: boolean
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number }
  readonly topologySpreadConstraints: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[]
  readonly containers: readonly [Container]
}
const MANIFESTS = globSync('deploy/kubernetes/*.yaml', { cwd: ROOT }).sort()
const OBJECTS: { kind: string; [key: string]: unknown }[] = MANIFESTS.flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => document.toJS()),
)
/** The one object of this kind; `T` is what the test expects of it. */
function object<T>(kind: string): T {
  const found = OBJECTS.filter((each) => each.kind === kind)
  assert.equal(found.length, 1, kind)
  return found[0] as T
}
const deployment = object<{
  spec: { replicas: number; template: { metadata: { labels: Labels }; spec: Pod } }
}>('Deployment').spec
const pod = deployment.template.spec
const [container] = pod.containers
const POD_LABELS = deployment.template.metadata.labels

/** The settings of `minipay serve` with these variables; refuses any that is none, or has a bad value. */
function settings(environment: Readonly<Record<string, string | number>>): Config {
  const text = Object.entries(environment).map(([name, value]) => [name, String(value)])
  return readConfig(COMMANDS['serve']?.settings ?? [], [], Object.fromEntries(text)) as Config
}

/** The text with Compose's variables in place: `${NAME:-default}` and `${NAME:?what is missing}`. */
function interpolated(value: string | number, env: Readonly<Record<string, string>>): string {
  return String(value).replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, mark: string, rest: string) =>
      env[name] ? env[name] : mark === '-' ? rest : assert.fail(`${name} is not given`),
  )
}

function nodeSettings(name: string): Config {
  const environment = Object.entries(service(name).environment ?? {})
  return settings(
    Object.fromEntries(
      environment.map(([key, value]) => [key, interpolated(value, { POSTGRES_PASSWORD: 'x' })]),
    ),
  )
}

const dockerPort = Number(/^EXPOSE (\d+)$/m.exec(read('Dockerfile'))?.[1])
const HAPROXY = read('deploy/haproxy.cfg')
const directives = (name: RegExp) => [...HAPROXY.matchAll(new RegExp(`^\\s*${name.source} (.+)$`, 'gm'))]

test('two nodes of the image are composed, with settings that MiniPay has, over the database that is beside them', () => {
  assert.equal(NODES.length, 2)
  for (const node of NODES) {
    const { database, port, shutdownTimeoutMs } = nodeSettings(node)
    assert.equal(port, dockerPort)
    const url = new URL(database)
    const { environment } = service(url.hostname)
    assert.equal(url.username, environment?.['POSTGRES_USER'])
    assert.equal(url.pathname, `/${environment?.['POSTGRES_DB']}`)
    assert.ok(Object.keys(service(node).depends_on ?? {}).includes(url.hostname))
    const graceMs = Number(/^(\d+)s$/.exec(service(node).stop_grace_period ?? '')?.[1]) * 1_000
    assert.ok(graceMs > shutdownTimeoutMs + LAST_WAIT_MS, `${node} is killed after ${graceMs} ms`)
  }
})

test('the example of .env names every variable that compose.yaml takes, holds no secret, and git takes no .env', () => {
  const taken = new Set([...COMPOSE.matchAll(/\$\{(\w+)/g)].map(([, name]) => name))
  const example = new Map(
    [...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value]) => [name, value]),
  )
  assert.deepEqual([...example.keys()].sort(), [...taken].sort())
  for (const [name, value] of example) assert.equal(value, '', name)
  assert.match(read('.gitignore'), /^\.env$/m)
})

test('the image has a compile cache that the user of its containers filled by a start', () => {
  const image = read('Dockerfile').replaceAll(/ \\\n\s*/g, ' ')
  const [, cache = ''] = /NODE_COMPILE_CACHE=(\S+)/.exec(image) ?? assert.fail('no cache')
  const lines = image.split('\n')
  const at = (line: RegExp) => lines.findIndex((one) => line.test(one))
  assert.ok(at(new RegExp(`^RUN mkdir .*${basename(cache)} && chown node:node .*${basename(cache)}`)) > 0)
  const [code, user, filled] = [at(/^COPY src /), at(/^USER node$/), at(/^RUN .*minipay\.js serve /)]
  assert.ok(
    code > 0 && code < user && user < filled,
    'the cache is filled after the code is there, by its user',
  )
  assert.match(
    lines[filled] ?? '',
    /timeout --preserve-status \d+ node bin\/minipay\.js serve --host 127\.0\.0\.1 /,
  )
})

test('every image has a version, and MiniPay its own', () => {
  const images = [...Object.values(services).map(({ image }) => image), container.image]
  for (const image of images) assert.match(image, /:\d+(\.\d+)*$/)
  assert.ok(images.includes(IMAGE))
  assert.equal(container.image, IMAGE)
})

test('the load balancer has every node at its port, and no other server', () => {
  const servers = directives(/server/).map(([, rest = '']) => rest.split(' '))
  assert.deepEqual(
    servers.map(([name, address]) => [name, address]),
    NODES.map((node) => [node, `${node}:${nodeSettings(node).port}`]),
  )
  const balancer = Object.values(services).find(({ image }) => image.includes('haproxy'))
  assert.deepEqual(balancer?.volumes, [`./deploy/haproxy.cfg:${HAPROXY_CONFIG}:ro`])
  const [host, , inside] = balancer.ports?.[0]?.split(':') ?? []
  assert.equal(host, '127.0.0.1', 'without TLS it stays on loopback')
  assert.equal(directives(/bind/)[0]?.[1], `:${inside}`)
})

test('the nodes believe the address of the client that the load balancer sends in place of the client’s own header', () => {
  assert.ok(directives(/http-request/).some(([, rest]) => rest === 'set-header X-Forwarded-For %[src]'))
  for (const node of NODES)
    assert.match(String(service(node).environment?.['MINIPAY_TRUSTED_PROXIES']), /172\.16\.0\.0\/12/)
})

test('the load balancer sends nothing again that may have moved money', () => {
  const [[, causes = ''] = []] = directives(/retry-on/)
  const [, ...afterSending] = causes.split(' ')
  assert.ok(causes.startsWith('conn-failure'))
  assert.ok(afterSending.length > 0)
  assert.match(HAPROXY, /^\s*http-request disable-l7-retry unless \{ method GET HEAD OPTIONS \}$/m)
})

test('the load balancer and the readiness probe ask a route that looks at the database, with time for its answer', () => {
  assert.equal(directives(/option httpchk/)[0]?.[1], `GET ${container.readinessProbe.httpGet.path}`)
  assert.equal(container.readinessProbe.httpGet.path, '/ready')
  assert.ok(Number.parseInt(directives(/timeout check/)[0]?.[1] ?? '', 10) > 2)
  assert.ok(container.readinessProbe.timeoutSeconds > 2)
})

test('what the load balancer answers by itself is JSON with an error, and says when to come again', () => {
  const answers = directives(/http-error/).map(([line]) => line)
  assert.equal(answers.length, 3)
  for (const line of answers) {
    assert.match(line, /content-type application\/json hdr Retry-After \d+/)
    const body: { error: string } = JSON.parse(/ string '([^']+)'$/.exec(line)?.[1] ?? '')
    assert.match(body.error, /\.$/)
  }
})

test('pods have settings that MiniPay has, listen where the service sends, and no service makes settings of its own', () => {
  const { stringData } = object<{ stringData: Readonly<Record<string, string>> }>('Secret')
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
  const { port, host, database } = settings({ ...stringData, ...env })
  assert.equal(host, '0.0.0.0')
  assert.equal(container.ports[0]?.containerPort, port)
  assert.match(database, /^postgres:.*sslmode=verify-full/)
  const { ports } = object<{ spec: { ports: { targetPort: string }[] } }>('Service').spec
  assert.deepEqual(
    ports.map(({ targetPort }) => targetPort),
    container.ports.map(({ name }) => name),
  )
  assert.equal(pod.enableServiceLinks, false)
})

test('every probe calls an existing route, and no pod is killed while the database is unavailable', () => {
  const { readinessProbe, livenessProbe, startupProbe } = container
  for (const { httpGet } of [readinessProbe, livenessProbe, startupProbe]) {
    assert.ok(ENDPOINTS.some(({ method, url }) => method === 'GET' && url === httpGet.path))
    assert.equal(httpGet.port, container.ports[0]?.name)
  }
  assert.equal(livenessProbe.httpGet.path, '/health')
  assert.equal(startupProbe.httpGet.path, '/health')
})

test('a pod has longer to end than it takes', () => {
  const [command, seconds] = container.lifecycle.preStop.exec.command
  assert.equal(command, 'sleep')
  const timeout = container.env.find(({ name }) => name === 'MINIPAY_SHUTDOWN_TIMEOUT_MS')?.value
  const longest = Number(seconds) * 1_000 + Number(timeout) + LAST_WAIT_MS
  assert.ok(pod.terminationGracePeriodSeconds * 1_000 > longest)
})

test('several pods on several machines are one service, and are not taken away at once', () => {
  assert.ok(deployment.replicas >= 2)
  const { spec: budget } = object<{ spec: { maxUnavailable: number; selector: { matchLabels: Labels } } }>(
    'PodDisruptionBudget',
  )
  const { selector } = object<{ spec: { selector: Labels } }>('Service').spec
  const spread = pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels)
  for (const labels of [budget.selector.matchLabels, selector, ...spread])
    assert.deepEqual(labels, POD_LABELS)
  assert.ok(budget.maxUnavailable < deployment.replicas)
})

test('a pod runs without rights and writes nowhere', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true)
  // By number: Kubernetes can't tell whether the image's user, a name, is root.
  assert.ok(pod.securityContext.runAsUser > 0)
  assert.equal(container.securityContext['readOnlyRootFilesystem'], true)
  assert.equal(container.securityContext['allowPrivilegeEscalation'], false)
})

test('the kustomization has every manifest', () => {
  const { resources } = object<{ resources: string[] }>('Kustomization')
  assert.deepEqual(
    resources.map((file) => `deploy/kubernetes/${file}`).sort(),
    MANIFESTS.filter((file) => !file.endsWith('/kustomization.yaml')),
  )
})

test('git ignores every file that a server makes beside its database, the key of its secrets above all', async (t) => {
  const file = join(folderOf(t), 'minipay.db')
  await serve(t, file)
  const ends = databaseFiles(file)
  assert.ok(ends.includes('-key'), ends.join())
  const ignored = read('.gitignore').split('\n')
  assert.deepEqual(
    ends.filter((end) => !ignored.includes(`*.db${end}`)),
    [],
  )
})
