/** Everything that exists is documented, and everything that is documented exists. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ENDPOINTS } from '../src/api/endpoints.ts'
import { ERRORS } from '../src/api/errors.ts'
import { COMMANDS, FORMER_COMMANDS } from '../src/cli.ts'
import { SETTINGS } from '../src/config.ts'
import { RESOURCES, ROLES } from '../src/domain/access/permissions.ts'
import { EVENT_TYPES } from '../src/domain/event.ts'
import { SANDBOX_TOKENS } from '../src/providers/sandbox.ts'
import { FAULT_TOKENS, FAULTS } from '../src/simulator/faults.ts'
import { tempDir } from './kit/folders.ts'
import { call } from './kit/http.ts'
import { startServer } from './kit/server.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort()
const TEXT = new Map(PAGES.map((page) => [page, read(page)]))
const docs = [...TEXT].flatMap(([page, text]) => (page.startsWith('docs/') ? [text] : [])).join('\n')
const everything = [...TEXT.values()].join('\n')
const README = read('README.md')

/** A table's row whose cells contain these texts in this order. */
function assertRow(page: string, ...cells: string[]): void {
  const found = read(page)
    .split('\n')
    .some((line) => {
      let rest = line.startsWith('|') ? line : ''
      return cells.every((cell) => {
        const at = rest.indexOf(cell)
        rest = rest.slice(at + cell.length)
        return at >= 0
      })
    })
  assert.ok(found, `${page} has no row with ${cells.join(', ')}`)
}

test('every setting is documented with its flag, variable, default and purpose', () => {
  for (const { flag, env, default: fallback, doc } of Object.values(SETTINGS))
    assertRow('docs/configuration.md', `\`--${flag}\``, `\`${env}\``, fallback || 'empty', doc)
})

test('no page speaks of a setting that does not exist', () => {
  const settings = Object.values(SETTINGS)
  const variables = new Set<string>(settings.map(({ env }) => env))
  // The one that the page shows as a mistake.
  variables.add('MINIPAY_DATBASE')
  // Kubernetes sets these by itself.
  for (const name of ['MINIPAY_PORT', 'MINIPAY_SERVICE_HOST']) variables.add(name)
  for (const [variable] of everything.matchAll(/\bMINIPAY_[A-Z_]*[A-Z]/g))
    assert.ok(variables.has(variable), variable)
  const own = Object.values(COMMANDS).flatMap(({ flags = [] }) => flags.map((flag) => `--${flag}`))
  const flags = new Set<string>([...settings.map(({ flag }) => `--${flag}`), ...own, '--help'])
  for (const [, flag = ''] of everything.matchAll(/`(--[a-z-]+)`/g)) assert.ok(flags.has(flag), flag)
})

test('every command is documented, and no other', () => {
  for (const name of Object.keys(COMMANDS)) assertRow('docs/configuration.md', `\`minipay ${name}\``)
  for (const [, name = ''] of everything.matchAll(/`minipay ([a-z]+)/g))
    assert.ok(Object.hasOwn({ ...COMMANDS, ...FORMER_COMMANDS }, name), name)
})

test('every error code is documented with its status and meaning, and no other', () => {
  for (const [code, { status, meaning }] of Object.entries(ERRORS))
    assertRow('docs/errors.md', `| ${status} `, `\`${code}\``, meaning)
  const told = [...read('docs/errors.md').matchAll(/^\| \d{3} +\| `(\w+)`/gm)].map(([, code]) => code)
  assert.deepEqual(told.sort(), Object.keys(ERRORS).sort())
})

test('every event type is documented with when it is stored, and no other', () => {
  for (const [type, doc] of Object.entries(EVENT_TYPES)) assertRow('docs/events.md', `\`${type}\``, doc)
  for (const [type] of everything.matchAll(/\bpayment\.(?!ts\b)[a-z]+\b/g))
    assert.ok(Object.hasOwn(EVENT_TYPES, type), type)
})

test('every token of the sandbox is documented with its outcome, and no other', () => {
  for (const [token, decline] of SANDBOX_TOKENS)
    if (decline)
      assertRow('docs/sandbox.md', `\`${token}\``, 'declined', `\`${decline.declineCode}\``, decline.message)
    else assertRow('docs/sandbox.md', `\`${token}\``, 'succeeds')
  for (const [token] of everything.matchAll(/\b(tok|pm_card)_\w+/g))
    assert.ok(SANDBOX_TOKENS.has(token) || FAULT_TOKENS.has(token), token)
})

test('every fault of the simulator is documented with its payment method and what it does', () => {
  for (const [fault, { token, doc }] of Object.entries(FAULTS))
    assertRow('docs/simulator.md', `\`${fault}\``, `\`${token}\``, doc)
})

test('every role and every permission is documented, with its meaning', () => {
  for (const role of Object.keys(ROLES)) assertRow('docs/keys.md', `\`${role}\``)
  for (const [resource, { operations, about }] of Object.entries(RESOURCES))
    assertRow(
      'docs/keys.md',
      `\`${resource}\``,
      ...operations.map((operation) => `\`${resource}:${operation}\``),
      about,
    )
})

test('every endpoint is documented', () => {
  const told = docs + README
  for (const { method, url } of ENDPOINTS)
    assert.ok(told.includes(`\`${method} ${url}\``), `${method} ${url}`)
})

test('every endpoint is documented with its permission', () => {
  for (const { method, url, permission } of ENDPOINTS) {
    const open = { any: 'any key', null: 'open to all' }[String(permission)]
    const needed = open ?? `\`${permission}\``
    assertRow('docs/authentication.md', `\`${method} ${url}\``, needed)
  }
})

test('every metric is documented, and no other', async () => {
  const dir = tempDir()
  const server = await startServer(join(dir.path, 'minipay.db'))
  try {
    const { body } = await call<string>(server.url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
    const names = new Set([...body.matchAll(/^# TYPE (minipay_\w+)/gm)].map(([, name = '']) => name))
    assert.ok(names.size > 0)
    for (const name of names) assertRow('docs/operations.md', `\`${name}\``)
    for (const [name] of docs.matchAll(/(?<!\[)\bminipay_(?!session\b)[a-z_]+/g))
      assert.ok(names.has(name), name)
    const json = await call(server.url, 'GET', '/metrics')
    for (const field of Object.keys(json.body)) assert.ok(docs.includes(`"${field}"`), field)
  } finally {
    await server.stop()
    dir.remove()
  }
})

test('the README has its first command by line 20 and its first result by line 40', () => {
  const lines = README.split('\n')
  const command = lines.indexOf('npm ci && npm start') + 1
  const result = lines.indexOf('```json') + 2
  assert.ok(command > 0 && command <= 20, `the first command is in line ${command}`)
  assert.ok(result > 1 && result <= 40, `the first result is in line ${result}`)
})

test('every relative link leads to a file, and to a heading that it has', () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )
  for (const [page, text] of TEXT) {
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      assert.ok(existsSync(join(ROOT, target)), `${page} links to ${link}`)
      if (anchor) assert.ok(anchors(read(target)).includes(anchor), `${page} links to ${link}`)
    }
  }
})

test('every page of docs is in its index', () => {
  for (const page of PAGES.filter((name) => name.startsWith('docs/') && name !== 'docs/index.md'))
    assert.ok(read('docs/index.md').includes(`](${page.slice('docs/'.length)})`), page)
})

/** The folders of `src/` and `storage/` whose files these pages name. */
const ROOM =
  /(?<![\w/.])(?:src\/)?((?:domain|ports|app|workers|api|http|storage|sqlite|postgres|providers|net|rules|runtime|observe|simulator)\/[a-z][a-z/-]*[a-z])/g

test('every file and function that ARCHITECTURE and the internals name exists', () => {
  const code = globSync('{src,test/dashboard}/**/*.ts', { cwd: ROOT })
    .map((file) => read(file))
    .join('\n')
  const words = new Set(code.match(/\w+/g))
  for (const page of PAGES.filter(
    (name) => name === 'ARCHITECTURE.md' || name.startsWith('docs/internals/'),
  )) {
    for (const [, path = ''] of read(page).matchAll(ROOM))
      assert.ok(
        ['', 'storage/'].some((room) =>
          [path, `${path}.ts`].some((name) => existsSync(join(ROOT, 'src', room, name))),
        ),
        `${page} names ${path}`,
      )
    for (const [, word = ''] of read(page).matchAll(/`([a-z]+[A-Z]\w*|[a-z]{5,})`/g))
      assert.ok(words.has(word), `${page} names ${word}`)
  }
})
