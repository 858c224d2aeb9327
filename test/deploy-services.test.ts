/** The files for systemd, for the proxies that add TLS, and for Prometheus agree with MiniPay. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { ENDPOINTS } from '../src/api/endpoints.ts'
import { COMMANDS } from '../src/cli.ts'
import { type Config, readConfig } from '../src/config.ts'
import { tempDir } from './kit/folders.ts'
import { call } from './kit/http.ts'
import { startServer } from './kit/server.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const settings = (env: Readonly<Record<string, string>> = {}): Config =>
  readConfig(COMMANDS['serve']?.settings ?? [], [], env) as Config

/** How long `minipay serve` waits beyond its time-out before it exits although something hangs. */
const LAST_WAIT_MS = 2_000
const UNITS = globSync('deploy/systemd/*', { cwd: ROOT }).sort()

/** The values of a directive of a unit, in their order. */
function directive(unit: string, name: string): string[] {
  return [...read(unit).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

const SERVER = 'deploy/systemd/minipay.service'
const environment = Object.fromEntries(
  directive(SERVER, 'Environment')
    .flatMap((line) => line.split(' '))
    .map((pair) => pair.split('=', 2)),
)

test('the service of systemd starts the server with settings that it has, and stops it later than it ends', () => {
  const { shutdownTimeoutMs, database } = settings(environment)
  assert.equal(directive(SERVER, 'ExecStart')[0]?.split('/opt/minipay/')[1], 'bin/minipay.js serve')
  assert.ok(existsSync(join(ROOT, 'bin/minipay.js')))
  assert.equal(database, `/var/lib/${directive(SERVER, 'StateDirectory')[0]}/minipay.db`)
  assert.equal(environment['NODE_COMPILE_CACHE'], `/var/cache/${directive(SERVER, 'CacheDirectory')[0]}`)
  const stopMs = Number(directive(SERVER, 'TimeoutStopSec')[0]) * 1_000
  assert.ok(stopMs > shutdownTimeoutMs + LAST_WAIT_MS)
})

test('the backup of systemd copies the database of the service, into a folder that it may write to', () => {
  const backup = 'deploy/systemd/minipay-backup.service'
  assert.ok(directive(backup, 'Environment')[0]?.endsWith(environment['MINIPAY_DATABASE'] ?? 'none'))
  const [folder = 'none'] = directive(backup, 'ReadWritePaths')
  assert.ok(directive(backup, 'ExecStart')[0]?.includes(`file=${folder}/`))
  assert.deepEqual(directive(backup, 'User'), directive(SERVER, 'User'))
})

const noSystemd = spawnSync('systemd-analyze', ['--version']).status !== 0
const skip = noSystemd && 'systemd-analyze is not on this machine'

test('systemd accepts each unit', { skip }, (t) => {
  const dir = tempDir()
  t.after(() => dir.remove())
  // systemd-analyze checks that the program exists.
  const files = UNITS.map((unit) => {
    const file = join(dir.path, basename(unit))
    writeFileSync(file, read(unit).replaceAll('/usr/bin/node', process.execPath))
    return file
  })
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
})

test('systemd rates the exposure of each service as low', { skip }, () => {
  for (const unit of UNITS.filter((name) => name.endsWith('.service'))) {
    const rated = execFileSync('systemd-analyze', ['security', '--offline=true', join(ROOT, unit)], {
      encoding: 'utf8',
    })
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(rated)?.[1])
    assert.ok(exposure < 2, `${unit}: ${exposure} of 10`)
  }
})

/** The paths that no program outside needs: all but the API, the notifications of providers and the health checks. */
const INSIDE = [...ENDPOINTS, { url: '/openapi.json' }, { url: '/docs' }]
  .map(({ url }) => url)
  .filter((url) => !/^\/(api|providers|health|ready)\b/.test(url))
const NGINX = read('deploy/nginx.conf')
const CADDY = read('deploy/Caddyfile')

test('each proxy sends to the port of MiniPay, and keeps the metrics and the API reference inside', () => {
  const { port } = settings()
  assert.match(NGINX, new RegExp(`server 127\\.0\\.0\\.1:${port};`))
  assert.match(CADDY, new RegExp(`reverse_proxy 127\\.0\\.0\\.1:${port} `))
  const hidden = new RegExp(/^ +location ~ (\S+) \{\n +return 404;/m.exec(NGINX)?.[1] ?? 'none')
  const inside = /@inside path (.*)/.exec(CADDY)?.[1]?.split(' ') ?? []
  assert.ok(INSIDE.length >= 3)
  for (const url of INSIDE) {
    assert.match(url, hidden)
    assert.ok(
      inside.some((path) => (path.endsWith('*') ? url.startsWith(path.slice(0, -1)) : url === path)),
      url,
    )
  }
  for (const { url } of ENDPOINTS) if (!INSIDE.includes(url)) assert.doesNotMatch(url, hidden)
})

test('each proxy waits longer than MiniPay does, and nginx ends idle connections first', () => {
  const { providerWaitMs, keepAliveMs } = settings()
  const seconds = (text: string, name: RegExp) =>
    Number(new RegExp(`${name.source} (\\d+)s`).exec(text)?.[1]) * 1_000
  assert.ok(seconds(NGINX, /proxy_read_timeout/) > providerWaitMs)
  assert.ok(seconds(CADDY, /response_header_timeout/) > providerWaitMs)
  assert.ok(seconds(NGINX, /keepalive_timeout/) < keepAliveMs)
})

test('nginx replaces the address that a client claims, and repeats no request', () => {
  assert.match(NGINX, /^ +proxy_set_header X-Forwarded-For \$remote_addr;$/m)
  assert.match(NGINX, /^ +proxy_next_upstream off;$/m)
})

type Rule = {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly page: string }
}
const RULES: readonly Rule[] = parse(read('deploy/prometheus/alerts.yaml')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
)

test('every alert is about metrics and labels that MiniPay has', async () => {
  const dir = tempDir()
  const server = await startServer(join(dir.path, 'minipay.db'))
  try {
    await call(server.url, 'GET', '/api/v1/balance')
    const { body } = await call<string>(server.url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
    const sampled = new Set([...body.matchAll(/^# TYPE (minipay_\w+)/gm)].map(([, name = '']) => name))
    const routes = new Set(ENDPOINTS.map(({ url }) => url))
    for (const { alert, expr } of RULES) {
      const names = [...expr.matchAll(/\bminipay_\w+/g)].map(([name]) => name.replace(/_(bucket|count)$/, ''))
      assert.ok(names.length > 0 || expr.includes('up{'), alert)
      for (const name of names) assert.ok(sampled.has(name), `${alert}: ${name}`)
      for (const [, route = ''] of expr.matchAll(/route="([^"]+)"/g)) assert.ok(routes.has(route), route)
      for (const [, state] of expr.matchAll(/deliveries\{state="(\w+)"/g))
        assert.match(body, new RegExp(`minipay_webhook_deliveries\\{state="${state}"\\}`))
    }
  } finally {
    await server.stop()
    dir.remove()
  }
})

test('every alert has a severity, a sentence and a page, and every metric that the docs tell to alert on has one', () => {
  for (const { alert, labels, annotations } of RULES) {
    assert.match(alert, /^MiniPay[A-Z]/)
    assert.ok(['page', 'warn'].includes(labels.severity), alert)
    assert.match(annotations.summary, /\.$/, alert)
    const [page = '', anchor] = annotations.page.split('#')
    const headings = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll(' ', '-'),
    )
    if (anchor !== undefined) assert.ok(headings.includes(anchor), annotations.page)
  }
  const list = /Alert when\n\n([\s\S]*?)\n\n/m.exec(read('docs/operations.md'))?.[1] ?? ''
  const told = [...list.matchAll(/\bminipay_\w+/g)].map(([name]) => name)
  assert.ok(told.length >= 5)
  for (const name of told)
    assert.ok(
      RULES.some(({ expr }) => expr.includes(name)),
      name,
    )
})
