/** The commands and files on the pages about keys, production and the upgrade exist, and work where one machine can tell. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { parseCommandLine } from '../src/cli/command-line.ts'
import { COMMANDS } from '../src/cli.ts'
import { readConfig } from '../src/config.ts'
import { blocksOf, newcomer } from './kit/newcomer.ts'
import { CLI } from './kit/server.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const PAGES = ['docs/keys.md', 'docs/production.md', 'docs/upgrade-notes.md', 'README.md']
const blocks = (page: string, kind: string) =>
  blocksOf(page).flatMap((block) => (block.kind === kind ? [block.text] : []))
const consoles = (page: string) => blocks(page, 'console').join('\n').replaceAll('\\\n', ' ')

const { dir, env, startShell } = newcomer()

test('every block for a shell on the pages of keys and of production works in a checkout', async () => {
  for (const page of ['docs/production.md', 'docs/keys.md']) {
    const database = join(dir.path, `${page.replaceAll('/', '-')}.db`)
    const run = startShell({ ...env, MINIPAY_DATABASE: database })
    assert.equal((await run(`node '${CLI}' migrate`)).status, 0)
    const shells = blocks(page, 'sh')
    assert.ok(shells.length > 0, page)
    for (const block of shells) {
      const { status, printed } = await run(block.replaceAll('npm run --silent minipay --', `node '${CLI}'`))
      assert.equal(status, 0, `${page}: ${block}\n${printed}`)
    }
  }
})

/** The words of a command line, in the manner of a shell: quotes hold blanks, and # begins a comment. */
function wordsOf(line: string): string[] {
  const code = line.replace(/(^|\s)#.*$/, '').replace(/\s>>? .*$/, '')
  return [...code.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  )
}

test('every other command of MiniPay on these pages has words and flags that the command takes', async () => {
  let checked = 0
  for (const page of PAGES)
    for (const [, line = ''] of consoles(page).matchAll(
      /^(?:.* )?(?:minipay|bin\/minipay\.js) ([a-z].*)$/gm,
    )) {
      const [name = '', ...args] = wordsOf(line)
      const command = COMMANDS[name]
      if (!command) continue
      const { flags, own, words } = parseCommandLine(args, command.flags ?? [], [])
      assert.doesNotThrow(() => readConfig(command.settings, flags, {}), line)
      if (name === 'keys') {
        const { keysTask } = await import('../src/cli/keys.ts')
        assert.doesNotThrow(() => keysTask(words, own, 0), line)
      }
      checked++
    }
  assert.ok(checked >= 8, `only ${checked} were found`)
})

test('the installation of the service makes the user, the folders and the files that its unit names', () => {
  const page = consoles('docs/production.md')
  const unit = read('deploy/systemd/minipay.service')
  const value = (name: string) => new RegExp(`^${name}=-?(\\S+)`, 'm').exec(unit)?.[1] ?? assert.fail(name)
  assert.match(page, new RegExp(`useradd .* ${value('User')}$`, 'm'))
  assert.ok(page.includes(`install -m 0600 /dev/null ${value('EnvironmentFile')}`))
  assert.ok(
    page.includes(`install -d -o ${value('User')} -g ${value('Group')} -m 0700 ${value('WorkingDirectory')}`),
  )
  const folder = /^ExecStart=\/usr\/bin\/node (\S+)\/bin\/minipay\.js /m.exec(unit)?.[1]
  assert.ok(page.includes(`git clone URL ${folder}\n`))
  const backup = read('deploy/systemd/minipay-backup.service')
  assert.ok(page.includes(/^ReadWritePaths=(\S+)$/m.exec(backup)?.[1] ?? 'none'))
  for (const [file] of page.matchAll(/\bdeploy\/[\w/.-]+\w/g))
    assert.ok(existsSync(join(ROOT, file)) || file.endsWith('minipay-backup'), file)
})

test('the container of the page has no more rights than that of Compose', () => {
  const run = /^docker run .*$/m.exec(consoles('docs/production.md'))?.[0] ?? assert.fail('docker run')
  const { services } = parse(read('compose.yaml'), { merge: true })
  const node = services['minipay-1']
  assert.deepEqual([node.read_only, node.cap_drop], [true, ['ALL']])
  assert.deepEqual(node.security_opt, ['no-new-privileges:true'])
  for (const flag of ['--read-only', '--tmpfs /tmp', '--cap-drop ALL', '--security-opt no-new-privileges'])
    assert.ok(run.includes(flag), flag)
  assert.match(run, new RegExp(`--volume minipay:${/^VOLUME (\S+)$/m.exec(read('Dockerfile'))?.[1]} `))
  assert.match(run, /--publish 127\.0\.0\.1:8080:8080 /)
  assert.match(read('Dockerfile'), /^RUN ln -s \/app\/bin\/minipay\.js \/usr\/local\/bin\/minipay$/m)
})

test('the page has Prometheus scrape under the name that the alerts use', () => {
  const [yaml = ''] = blocks('docs/production.md', 'yaml')
  const [job] = parse(yaml).scrape_configs
  assert.ok(read('deploy/prometheus/alerts.yaml').includes(`up{job="${job.job_name}"}`))
  assert.ok(job.authorization.credentials_file)
})
