/**
 * Runs the tests, each file in a process of its own: `npm test`, or `npm test -- 'test/e2e/*.test.ts'` for some of them.
 * Many files wait for processes and time-outs more than they compute, so two more run at once than there are cores: with one
 * more, a fifth of the CPU was idle. The longest come first: otherwise a core idles at the end, while the last of them runs
 * alone.
 */
import {
  accessSync,
  chmodSync,
  constants,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import type { SharedBrowser } from './dashboard/browser.ts'

/** Those that take longest, in this order. */
const LONGEST = [
  'test/e2e-postgres.test.ts',
  'test/contract/store/postgres.test.ts',
  'test/cluster/webhooks.test.ts',
  'test/contract/store/sqlite.test.ts',
  'test/dashboard/sign-in.test.ts',
  'test/dashboard/every-screen.test.ts',
  'test/storm/liars/liar.test.ts',
  'test/e2e/copy.test.ts',
  'test/replay/replay.test.ts',
  'test/soak/soak.test.ts',
  'test/e2e/in-between.test.ts',
  'test/cluster/nodes.test.ts',
  'test/crash/lost-files.test.ts',
  'test/crash/recovery-points.test.ts',
  'test/cluster/outages.test.ts',
  'test/dashboard-postgres.test.ts',
]
/** It measures CPU time, which other processes on the same core inflate: at the end there are fewest. */
const LAST = 'test/pauses/pauses.test.ts'
const EVERY = ['{src,test,bench}/**/*.test.ts']

const MEMORY = '/dev/shm'
/** As much as all tests that run at once may store, in bytes. */
const ENOUGH = 4 * 1024 ** 3

/**
 * A folder in memory for the files of tests; undefined where the system has none, or not enough of it. On a disk, most of
 * the time of many tests is its writing. The tests end processes, not machines, so what they check is the same.
 */
function folderInMemory(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    accessSync(MEMORY, constants.W_OK)
    // The tests may start a copy of PostgreSQL from there.
    const mount = readFileSync('/proc/mounts', 'utf8').match(/^\S+ \/dev\/shm \S+ (\S+)/m)?.[1] ?? 'noexec'
    if (bavail * bsize < ENOUGH || mount.split(',').includes('noexec')) return undefined
    return mkdtempSync(join(MEMORY, 'minipay-tests-'))
  } catch {
    return undefined
  }
}

const chosen = process.argv.slice(2)
const files = globSync(chosen.length > 0 ? chosen : EVERY).map((file) => file.replaceAll('\\', '/'))
if (files.length === 0) throw new Error(`No test file matches ${chosen.join(' ')}.`)
const rank = (file: string) => {
  if (file === LAST) return LONGEST.length + 1
  return LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length
}

// Every test and every server that it starts would compile the same modules again.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'minipay-test-compile-cache')
const folder = process.env['TMPDIR'] === undefined ? folderInMemory() : undefined
if (folder !== undefined) {
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}

/** The tests of the dashboard share it: each would start one or more of its own. */
const browser = files.some((file) => file.startsWith('test/dashboard')) ? await browserOfAll() : undefined
if (browser) process.env['TEST_BROWSER_AT'] = browser.address

/** Undefined where none starts: then the tests that need one say why. */
async function browserOfAll(): Promise<SharedBrowser | undefined> {
  const { shareBrowser } = await import('./dashboard/browser.ts')
  return shareBrowser().catch(() => undefined)
}

const report = run({
  files: files.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)),
  concurrency: Number(process.env['TEST_CONCURRENCY'] ?? availableParallelism() + 2),
})
  .on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1
  })
  .compose(spec)
report.once('end', () => void browser?.close())
report.pipe(process.stdout)
