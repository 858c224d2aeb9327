/** Rules that a machine must enforce: allowed imports, the length of files, and leftovers. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MAX_LINES = 400
const MAX_DASHBOARD_LINES = 150
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const find = (...patterns: string[]) => globSync(patterns, { cwd: ROOT }).sort()

const CODE = find('{src,test,bench,scripts}/**/*.ts', 'bin/*.js')
const SOURCES = CODE.filter((file) => file.startsWith('src/') && !file.endsWith('.test.ts'))
const DOMAIN = SOURCES.filter((file) => file.startsWith('src/domain/'))
const EVERYTHING = [
  ...CODE,
  ...find('src/**/*.sql', '*.{md,json}', 'docs/**/*.md', 'Dockerfile', '.dockerignore', '.ci/*'),
]

/** The layers that each layer may import, apart from itself; the files of COMPOSITION join them all. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: ['domain'],
  hmac: [],
  signing: ['hmac'],
  vault: ['domain', 'ports'],
  net: ['domain'],
  suggest: [],
  flags: ['suggest'],
  variables: ['suggest'],
  'database-name': [],
  'link-variables': [],
  app: ['domain', 'ports'],
  workers: ['app', 'domain', 'ports', 'signing', 'net'],
  // A thread of its own, which puts its parts together as core does.
  sender: ['domain', 'ports', 'net', 'runtime', 'workers', 'api'],
  storage: ['domain', 'ports', 'database-name'],
  providers: ['domain', 'ports', 'signing', 'net'],
  simulator: ['domain', 'signing'],
  rules: ['domain', 'ports'],
  http: ['app', 'domain', 'ports', 'net', 'suggest'],
  api: ['http', 'app', 'domain', 'ports'],
  // Served to browsers: values of the domain, and types of the API alone.
  dashboard: ['domain'],
  runtime: ['ports'],
  observe: ['ports'],
  'setting-values': ['domain', 'net', 'signing', 'vault'],
  settings: ['setting-values', 'database-name'],
  'open-networks': ['domain', 'ports'],
  'young-objects': [],
  'shown-settings': ['config', 'database-name', 'domain'],
  config: ['settings', 'setting-values', 'flags', 'variables', 'net', 'link-variables'],
}
const COMPOSITION = ['core', 'minipay', 'serve', 'cli']
/** The layer of `src/domain/charge.ts` is domain, that of `src/serve.ts` is serve. */
const layerOf = (file: string) => file.split('/')[1]?.replace(/\.ts$/, '') ?? ''

/** The code without comments and without the content of its strings. */
function bare(file: string): string {
  return read(file)
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
}

function importsOf(file: string): string[] {
  const text = read(file)
  const found = [
    ...text.matchAll(/^(?:import|export)\b[^'"`]*?\bfrom '([^']+)'/gm),
    ...text.matchAll(/\bimport\('([^']+)'\)|^import '([^']+)'/gm),
    ...text.matchAll(/new URL\('([^']+\.ts)', import\.meta\.url\)/g),
  ]
  return found.map(([, from, bareImport]) => from ?? bareImport ?? '')
}

/** The files whose values a file imports when it is loaded; type imports do not count. */
function valuesFrom(file: string): string[] {
  const found = read(file).matchAll(/^(?:import|export)(?! type\b)\b[^'"`]*?\bfrom '(\.[^']+)'/gm)
  return [...found].map(([, from = '']) => normalize(join(dirname(file), from)))
}

function relativeImportsOf(file: string): string[] {
  return importsOf(file)
    .filter((from) => from.startsWith('.'))
    .map((from) => normalize(join(dirname(file), from)))
}

/** The lines that break a rule, as `file:line`. */
function offences(files: readonly string[], rule: RegExp, text: (file: string) => string = read): string[] {
  return files.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, index) => (rule.test(line) ? [`${file}:${index + 1}`] : [])),
  )
}

test('imports go one way, and every file has its layer', () => {
  const wrong = SOURCES.filter((file) => !COMPOSITION.includes(layerOf(file))).flatMap((file) =>
    (layerOf(file) === 'dashboard' ? valuesFrom(file) : relativeImportsOf(file))
      .filter((target) => ![layerOf(file), ...(LAYERS[layerOf(file)] ?? [])].includes(layerOf(target)))
      .map((target) => `${file} imports ${target}`),
  )
  assert.deepEqual(wrong, [])
  const known = new Set([...Object.keys(LAYERS), ...COMPOSITION])
  assert.ok(new Set(SOURCES.map(layerOf)).isSubsetOf(known))
})

test('no file imports itself by way of others', () => {
  const imports = new Map(SOURCES.map((file) => [file, valuesFrom(file)]))
  /** A file is done once no import leads from it into a circle. */
  const settled = new Set<string>()
  let before = -1
  while (settled.size > before) {
    before = settled.size
    for (const [file, from] of imports)
      if (from.every((target) => settled.has(target) || !imports.has(target))) settled.add(file)
  }
  assert.deepEqual(
    SOURCES.filter((file) => !settled.has(file)),
    [],
  )
})

test('domain, ports and app import no package, and of Node only the context its hash function', () => {
  const packages = SOURCES.filter((file) => ['domain', 'ports', 'app'].includes(layerOf(file))).flatMap(
    (file) => importsOf(file).flatMap((from) => (from.startsWith('.') ? [] : [`${file} imports ${from}`])),
  )
  assert.deepEqual(packages, ['src/app/context.ts imports node:crypto'])
})

test('nothing in domain awaits, reads a clock or makes a random value', () => {
  const impure =
    /\b(async|await|Promise|setTimeout|performance|crypto|process)\b|Date\.now|new Date\(\)|Math\.random/
  assert.deepEqual(offences(DOMAIN, impure, bare), [])
})

test('the library loads no HTTP server, no metrics and no log library', () => {
  const loaded = new Set(['src/minipay.ts'])
  const packages = new Set<string>()
  for (const file of loaded)
    for (const [, from = ''] of read(file).matchAll(
      /^(?:import|export) (?!type\b)[^'"`]*?\bfrom '([^']+)'/gm,
    ))
      if (from.startsWith('.')) loaded.add(normalize(join(dirname(file), from)))
      else packages.add(from)
  const layers = new Set([...loaded].map(layerOf))
  for (const absent of ['observe', 'simulator', 'serve', 'cli']) assert.ok(!layers.has(absent), absent)
  assert.ok(!loaded.has('src/http/server.ts'))
  assert.deepEqual(
    [...packages].filter((name) => !name.startsWith('node:')),
    // It finds the setting that a misspelled one means.
    ['leven'],
  )
})

test('a start loads nothing that makes the dashboard, which its first visit loads', () => {
  const loaded = new Set(['src/cli.ts', 'src/serve.ts', 'src/http/server.ts', 'src/api/served-api.ts'])
  for (const file of loaded)
    for (const from of SOURCES.includes(file) ? valuesFrom(file) : []) loaded.add(from)
  assert.ok(loaded.has('src/api/dashboard/endpoints.ts'))
  const late = ['src/api/dashboard/assets.ts', 'src/api/dashboard/build.ts', 'src/api/dashboard/page.ts']
  assert.deepEqual(
    [...loaded].filter((file) => late.includes(file) || layerOf(file) === 'dashboard'),
    [],
  )
})

test('app and workers get time, timers and randomness from the runtime port alone', () => {
  const elsewhere =
    /\b(set|clear)(Timeout|Interval|Immediate)\b|\bperformance\b|\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\bhrtime\b|\bnextTick\b|AbortSignal\.timeout|Math\.random|\brandom(UUID|Bytes|Int|FillSync|Fill)\b|\bgetRandomValues\b|\bAtomics\.wait/
  const modules = /^node:(timers|perf_hooks|worker_threads|cluster)/
  const files = SOURCES.filter((file) => ['app', 'workers'].includes(layerOf(file)))
  assert.deepEqual(offences(files, elsewhere, bare), [])
  assert.deepEqual(
    files.filter((file) => importsOf(file).some((from) => modules.test(from))),
    [],
  )
})

test('the dashboard makes no HTML of text, sets no styles by script, and calls the public API alone', () => {
  const files = SOURCES.filter((file) => layerOf(file) === 'dashboard')
  assert.deepEqual(
    offences(
      files,
      /\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|eval|document\.write)\b/,
    ),
    [],
  )
  assert.deepEqual(offences(files, /\bstyle=['"`]|\bstyle: ?`|cssText|setAttribute\('style'/), [])
  assert.deepEqual(offences(files, /['"`](https?:)?\/\/[a-z]/), [])
  const senders = new Set(
    offences(files, /\b(fetch|EventSource|WebSocket|sendBeacon)\(/, bare).map((at) =>
      at.replace(/:\d+$/, ''),
    ),
  )
  // Nothing is sent without the proof of the session, which that module adds.
  assert.deepEqual(senders, new Set(['src/dashboard/api.ts']))
  assert.deepEqual(offences(files, /\b(Buffer|process|require)\b[.(]/, bare), [])
  assert.deepEqual(
    [...files, ...find('src/dashboard/style/*.css')].filter(
      (file) => read(file).trimEnd().split('\n').length > MAX_DASHBOARD_LINES,
    ),
    [],
  )
})

test('the server assigns no function literal to a property, because V8 would allocate it among the old objects', () => {
  const assigned =
    /[\w\])!]\s*(?:\.\s*#?\w+|\[[^\]\n]*\])\s*(?:\?\?|\|\||&&)?=\s*\(?(?:async\s*)?(?:function\b|\w+\s*=>|\([^()]*(?:\([^()]*\)[^()]*)*\)[^=;{}()]*=>)/
  const files = SOURCES.filter((file) => layerOf(file) !== 'dashboard')
  assert.deepEqual(
    files.filter((file) => assigned.test(bare(file))),
    [],
  )
  for (const code of [
    'a.b = () => c',
    'a.#b ??= async (c: D): E => f',
    'a[b] =\n (c(d)) => e',
    'a.b = function () {}',
  ])
    assert.match(code, assigned)
  for (const code of ['const b = () => c', 'a.b = c(() => d)', 'a.b === ((c) => d)', '{ b: () => c }'])
    assert.doesNotMatch(code, assigned)
})

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const tooLong = CODE.filter((file) => read(file).trimEnd().split('\n').length > MAX_LINES)
  assert.deepEqual(tooLong, [])
})

test('nothing is left behind for later', () => {
  assert.deepEqual(offences(EVERYTHING, /\b(TO[D]O|FIXM[E]|XX[X]|HAC[K])\b|not implement[e]d/), [])
})

test('types are not escaped and no check is silenced', () => {
  assert.deepEqual(offences(CODE, /[:<|&,([]\s*any\b(?!\()|\bas any\b/, bare), [])
  assert.deepEqual(offences(CODE, /@ts-(ignore|nocheck|expect-error)|biome-[i]gnore|eslint-[d]isable/), [])
})

test('only the command line prints; everything else logs', () => {
  assert.deepEqual(
    offences(SOURCES, /\bconsole\./, bare).filter((line) => !line.startsWith('src/cli')),
    [],
  )
})

test('every test runs, or says why not', () => {
  const tests = CODE.filter((file) => file.endsWith('.test.ts'))
  const silent =
    /\b(test|it|describe|suite|t)\.(only|todo|skip)\(\s*\)|\b(test|it|describe|suite)\.(only|skip|todo)\(|\b(only|skip|todo): true/
  assert.deepEqual(offences(tests, silent, bare), [])
})

test('the lock file names no download addresses, so that any registry will do', () => {
  assert.deepEqual(offences(['package-lock.json'], /"resolved": "http/), [])
})
