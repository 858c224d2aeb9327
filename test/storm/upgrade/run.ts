/**
 * `npm run storm:upgrade`: a former MiniPay makes the past of a shop, and this one upgrades that database while it is killed
 * again and again. At the end `minipay verify` finds no problem, and both versions respond alike.
 */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ENGINES } from '../../kit/backstage.ts'
import { drawsOf } from '../../kit/draws.ts'
import { flagsOf } from '../../kit/flags.ts'
import { tempDir } from '../../kit/folders.ts'
import { startPostgres } from '../../kit/postgres.ts'
import { CLI, startServer } from '../../kit/server.ts'
import { fill, providers } from './fill.ts'
import { differences, look, type Seen, sendAgain } from './look.ts'
import type { Sent } from './shop.ts'

const flags = flagsOf('npm run storm:upgrade --', {
  seed: { sets: 'what is drawn', is: 1 },
  from: { sets: 'the commit whose MiniPay makes the past', is: 'HEAD~1' },
  charges: { sets: 'how many charges it makes', is: 1_000_000 },
  kills: { sets: 'how often the upgrade is killed', is: 20 },
  engine: { sets: 'the engine', is: 'sqlite', among: ENGINES },
  folder: { sets: 'the folder of an earlier run, with its database', is: undefined },
})
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const DAYS = 3
const { seed } = flags
const draw = drawsOf(seed, 'kills')
const own = tempDir()
const folder = flags.folder ?? own.path
const began = performance.now()
const tell = (text: string) => console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s  ${text}`)

function checkoutOf(commit: string): string {
  const checkout = join(own.path, 'former')
  execFileSync('git', ['clone', '--quiet', '--shared', '--no-checkout', ROOT, checkout])
  execFileSync('git', ['-C', checkout, 'checkout', '--quiet', commit])
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  return checkout
}

const environment = (database: string) => ({
  ...process.env,
  ...providers(own.path),
  ...{ PORT: '0', WEBHOOK_TARGET: '', MINIPAY_DATABASE: database },
  MINIPAY_SECRETS_KEY: readSecretsKey(),
})
/** The past has it beside its file. */
const readSecretsKey = () => readFileSync(join(folder, 'minipay.db-key'), 'utf8').trim()

/** A kill so many ms after the progress has so many lines. */
type Kill = { readonly lines: number; readonly ms: number }

/** Runs a command of this version; resolves with its output, and whether it ended by itself. */
async function run(words: readonly string[], database: string, kill?: Kill): Promise<[boolean, string]> {
  const child = spawn(process.execPath, [CLI, ...words], { env: environment(database) })
  let output = ''
  let planned = false
  const onOutput = (text: Buffer) => {
    output += text
    const listens = output.includes('"address":')
    if (planned || !kill || (stepsIn(output).length < kill.lines && !listens)) return
    planned = true
    setTimeout(() => child.kill('SIGKILL'), kill.ms)
  }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', onOutput)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const code = await ended
  if (code !== null && code !== 0) throw new Error(output)
  return [code === 0, output]
}

/** The lines of progress. */
const stepsIn = (output: string): readonly string[] =>
  output.match(/applying \S+|building.*rows|"migration":"[^"]+"|"index":"[^}]*|"address":"[^"]+"/g) ?? []

/** Each upgrade gets one step further, on a machine of any speed. */
async function upgradeWithKills(database: string, kills: number): Promise<void> {
  for (let i = 0; i < kills; i++) {
    const command = draw.chance(0.5) ? 'migrate' : 'serve'
    const kill = { lines: draw.between(1, 2), ms: draw.between(0, 1_000) }
    const [ended, output] = await run([command], database, kill)
    tell(
      `${command} ${ended ? 'ended' : `was killed ${kill.ms} ms after its step ${kill.lines}`}: ${stepsIn(output).at(-1)}`,
    )
  }
}

async function lookAt(database: string, bin: string, sent: readonly Sent[]): Promise<Seen> {
  const server = await startServer(
    database,
    { ...providers(own.path), MINIPAY_SECRETS_KEY: readSecretsKey() },
    [bin, 'serve'],
  )
  try {
    const secrets = [...new Set(sent.map(({ secret }) => secret))]
    const times = sent.map(({ response }) =>
      Date.parse(String((response as { created_at?: string }).created_at)),
    )
    const past = times.filter(Number.isFinite)
    const seen = await look(server.url, secrets, [Math.min(...past), Math.max(...past)], seed)
    const wrong = await sendAgain(server.url, sent)
    if (wrong.length > 0) throw new Error(wrong.join('\n'))
    return seen
  } finally {
    await server.stop()
  }
}

function copyOf(database: string, name: string): string {
  const copy = join(own.path, name)
  mkdirSync(copy)
  for (const suffix of ['', '-key', '-mark'])
    if (existsSync(database + suffix)) copyFileSync(database + suffix, join(copy, `minipay.db${suffix}`))
  return join(copy, 'minipay.db')
}

const postgres = flags.engine === 'postgres' ? await startPostgres() : undefined
try {
  const checkout = checkoutOf(flags.from)
  const former = join(folder, 'minipay.db')
  if (!flags.folder)
    await fill({ checkout, database: former, folder, charges: flags.charges, days: DAYS, seed }, tell)
  const sent = JSON.parse(readFileSync(join(folder, 'sent.json'), 'utf8')) as Sent[]
  const bin = join(checkout, 'bin/minipay.js')
  let upgraded = copyOf(former, 'upgraded')
  if (postgres) {
    const url = await postgres.createDatabase()
    execFileSync(process.execPath, [bin, 'copy', '--from', upgraded, '--to', url], { stdio: 'inherit' })
    upgraded = url
  }
  const before = await lookAt(copyOf(former, 'before'), bin, sent)
  tell(`${Object.keys(before).length} requests to the former version, ${sent.length} with old keys`)
  await upgradeWithKills(upgraded, flags.kills)
  const start = performance.now()
  const [, output] = await run(['migrate'], upgraded)
  tell(`the last upgrade took ${Math.round(performance.now() - start)} ms:\n${output}`)
  const after = await lookAt(upgraded, CLI, sent)
  const different = differences(before, after)
  tell(
    `${different.length} responses differ${different
      .slice(0, 3)
      .map((text) => `\n${text}`)
      .join('')}`,
  )
  const [, verified] = await run(['verify'], upgraded)
  tell(verified)
  process.exitCode = different.length > 0 ? 1 : 0
} finally {
  await postgres?.remove()
  await delay(0)
  own.remove()
}
