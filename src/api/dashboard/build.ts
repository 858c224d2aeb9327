/**
 * A process of its own that prints the files of the dashboard as JSON (`Built`): it strips the types of the browser's
 * modules and compresses all files. In the server's process this would keep 30 MB and delay payments.
 */
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

export type BuiltFile = {
  readonly type: string
  /** Compressed by gzip, in base64. */
  readonly gzip: string
}
export type Built = {
  /** Names all of these files: letters only, because a run of digits could be taken for a card number. */
  readonly hash: string
  /** By path. */
  readonly files: Readonly<Record<string, BuiltFile>>
  /** The names that modules import packages by, with their paths. */
  readonly packages: Readonly<Record<string, string>>
  /** The modules that are needed before anything is shown, and those of the screens, by the patterns of their places. */
  readonly first: readonly string[]
  readonly screens: readonly { readonly pattern: string; readonly modules: readonly string[] }[]
}

const SOURCE = new URL('../../', import.meta.url)
const ENTRY = 'dashboard/main.ts'
const ROUTES = 'dashboard/routes.ts'
/** The modules of other folders than these are never served. */
const SERVED = /^(dashboard|domain)\/.+\.ts$/
const PACKAGES = ['preact', 'preact/hooks', '@preact/signals', '@preact/signals-core']
/** The general styles: a later one overrides those before. */
const STYLES = [
  ...['tokens', 'base', 'frame', 'top-bar', 'sign-in', 'frame-narrow'],
  ...['pages', 'cards', 'values', 'controls', 'fields', 'tables', 'states'],
  ...['dialogs', 'menus', 'timeline', 'json', 'narrow'],
]
const JAVASCRIPT = 'text/javascript; charset=utf-8'

type Module = {
  readonly text: string
  readonly imports: readonly string[]
  readonly later: readonly string[]
}

/** A module without its types and without whole lines of comment; every line keeps its number. */
function moduleAt(path: string): Module {
  if (!SERVED.test(path)) throw new Error(`The dashboard must not serve ${path}.`)
  const source = readFileSync(new URL(path, SOURCE), 'utf8')
  const text = stripTypeScriptTypes(source)
    .replace(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*$/gm, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/^[ \t]*\/\/.*$/gm, '')
    .replace(/[ \t]+$/gm, '')
  const at = (from: string) => new URL(from, new URL(path, SOURCE)).href.slice(SOURCE.href.length)
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, from = '']) => at(from))
  return {
    text,
    imports: found(/^(?:import|export)\b(?:[^'"]*?\bfrom)? '(\.[^']+)'/gm),
    later: found(/\bimport\('(\.[^']+)'\)/g),
  }
}

/** All modules that the entry needs, now or later. */
function crawl(): ReadonlyMap<string, Module> {
  const modules = new Map<string, Module>()
  const wanted = [ENTRY]
  for (const path of wanted) {
    if (modules.has(path)) continue
    const module = moduleAt(path)
    modules.set(path, module)
    wanted.push(...module.imports, ...module.later)
  }
  return modules
}

/** A module with those that it imports, each once. */
function closure(modules: ReadonlyMap<string, Module>, entry: string): string[] {
  const found = new Set([entry])
  for (const path of found) for (const next of modules.get(path)?.imports ?? []) found.add(next)
  return [...found]
}

function screensOf(modules: ReadonlyMap<string, Module>, first: readonly string[]): Built['screens'] {
  const routes = modules.get(ROUTES)?.text ?? ''
  return [...routes.matchAll(/\['([^']+)', \(\) => import\('\.\/([^']+)'\)\]/g)].map(
    ([, pattern = '', file]) => ({
      pattern,
      modules: closure(modules, `dashboard/${file}`).filter((path) => !first.includes(path)),
    }),
  )
}

/** The general styles, then those of single screens. */
function styles(): string {
  const folder = fileURLToPath(new URL('dashboard/style/', SOURCE))
  const found = globSync('*.css', { cwd: folder }).map((file) => file.replace('.css', ''))
  const own = found.filter((name) => !STYLES.includes(name)).sort()
  return [...STYLES, ...own]
    .map((name) => readFileSync(`${folder}${name}.css`, 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
    .join('\n')
}

/** The packages' own modules, without the addresses of maps that are not served. */
function packaged(name: string): string {
  return readFileSync(new URL(import.meta.resolve(name)), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/gm, '')
}

function build(): Built {
  const modules = crawl()
  const texts: [path: string, type: string, text: string][] = [
    ...[...modules].map(([path, { text }]): [string, string, string] => [path, JAVASCRIPT, text]),
    ...PACKAGES.map((name): [string, string, string] => [packagePath(name), JAVASCRIPT, packaged(name)]),
    ['style.css', 'text/css; charset=utf-8', styles()],
  ]
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 20)
  const first = closure(modules, ENTRY)
  return {
    hash: hash.replace(/\d/g, (digit) => String.fromCharCode('g'.charCodeAt(0) + Number(digit))),
    files: Object.fromEntries(
      texts.map(([path, type, text]) => [
        path,
        { type, gzip: gzipSync(text, { level: 9 }).toString('base64') },
      ]),
    ),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, packagePath(name)])),
    first,
    screens: screensOf(modules, first),
  }
}

function packagePath(name: string): string {
  return `packages/${name.replace('@', '').replaceAll('/', '-')}.js`
}

process.stdout.write(JSON.stringify(build()))
