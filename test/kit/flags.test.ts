import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseFlags } from './flags.ts'

const FLAGS = {
  seed: { sets: 'what is drawn', is: 7 },
  engine: { sets: 'the engine', is: 'sqlite', among: ['sqlite', 'postgres'] },
  folder: { sets: 'a folder of before', is: undefined },
} as const

test('a flag has its default, or what the command line says', () => {
  assert.deepEqual(parseFlags([], FLAGS), { seed: 7, engine: 'sqlite', folder: undefined })
  const given = ['--seed', '8', '--engine=postgres', '--folder', 'x']
  assert.deepEqual(parseFlags(given, FLAGS), { seed: 8, engine: 'postgres', folder: 'x' })
})

test('a wrong flag or value is named', () => {
  assert.throws(() => parseFlags(['--sed', '8'], FLAGS), /--sed/)
  assert.throws(() => parseFlags(['--seed', 'many'], FLAGS), /^Error: --seed is a number, not many\.$/)
  assert.throws(() => parseFlags(['--engine', 'x'], FLAGS), /--engine is one of sqlite, postgres, not x\./)
})

const PROGRAMS = [
  'storm/storm.ts',
  'storm/liars/run.ts',
  'storm/upgrade/run.ts',
  'cluster/storm.ts',
  'replay/run.ts',
  'soak/run.ts',
]

const run = (program: string, flag: string) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(`../${program}`, import.meta.url)), flag], {
    encoding: 'utf8',
  })

test('a program says its flags at --help', () => {
  const { status, stdout } = run('storm/storm.ts', '--help')
  assert.equal(status, 0)
  assert.match(stdout, /^Usage: npm run storm -- \[flags\]\n\n {2}--seed VALUE/)
})

for (const program of PROGRAMS)
  test(`${program} names a wrong flag, says its flags, and runs nothing`, () => {
    const { status, stdout, stderr } = run(program, '--sed')
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /--sed.*\n\nUsage: npm run .*\n\n {2}--seed VALUE/s)
  })
