import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.ts'
import type { LogOutput } from './log-output.ts'

/** The last line that a log wrote of an error. */
function logged(err: unknown): { line: string; err: Record<string, unknown> } {
  let line = ''
  const output: LogOutput = {
    write(text) {
      line = text
    },
    dropped: () => 0,
    drain() {},
    flush: async () => {},
  }
  createLog('info', output).error({ err }, 'It failed.')
  return { line, err: JSON.parse(line).err }
}

test('of an error the log has its names and codes, its causes and where it happened, and nothing else that it carries', () => {
  const row = {
    detail: 'Failing row contains (cus_42)',
    where: 'cus_42',
    parameters: ['cus_42'],
    body: { a: 'cus_42' },
  }
  const cause = Object.assign(new Error('the cause'), { code: '23514', table: 'charges', ...row })
  const error = Object.assign(new TypeError('the error', { cause }), { code: 'EFAILED', port: 5432, ...row })
  const { line, err } = logged(error)
  const { stack, cause: told, ...rest } = err as { stack: string; cause: Record<string, unknown> }
  assert.deepEqual(rest, { type: 'TypeError', message: 'the error', code: 'EFAILED', port: 5432 })
  assert.match(stack, /^TypeError: the error\n {4}at /)
  assert.deepEqual([told['message'], told['code'], told['table']], ['the cause', '23514', 'charges'])
  assert.ok(!line.includes('cus_42'), line)
})

test('a text that is not JSON is not quoted, and causes that lead in a circle end', () => {
  let broken: unknown
  try {
    JSON.parse('{"customer":"cus_42",}')
  } catch (error) {
    broken = error
  }
  assert.ok(!logged(broken).line.includes('cus_42'))
  const circle = new Error('round')
  circle.cause = circle
  assert.equal(logged(circle).err['message'], 'round')
})

test('several addresses that failed are all named, and what is no error does not stop the log', () => {
  const { err } = logged(new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1')]))
  assert.equal(err['message'], 'refused by ::1; refused by 127.0.0.1')
  for (const odd of ['text', 7, null, { customer: 'cus_42' }])
    assert.ok(!logged(odd).line.includes('cus_42'), JSON.stringify(odd))
})

test('lines below the level are not written, and a silent log has none', () => {
  const lines: string[] = []
  const write = (line: string) => void lines.push(JSON.parse(line).level)
  for (const least of ['debug', 'info', 'warn', 'error', 'silent']) {
    const log = createLog(least, { write })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      const before = lines.length
      log[level]({}, 'A line.')
      assert.equal(log.isLevelEnabled(level), lines.length > before)
    }
  }
  assert.deepEqual(lines.join(), 'debug,info,warn,error,info,warn,error,warn,error,error')
})

test('a line has its level, its time, its fields and then its message, and secrets are cut', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (text) => lines.push(text) })
  log.info({ provider: 'bank', secret: 's1', nested: { authorization: 's2', kept: 1 } }, 'It happened.')
  assert.match(
    lines.join(''),
    /^\{"level":"info","time":"\d{4}-\d\d-\d\dT[^"]+Z","provider":"bank","secret":"\[cut\]","nested":\{"authorization":"\[cut\]","kept":1\},"msg":"It happened\."\}\n$/,
  )
})

test('a field that JSON cannot have leaves the rest of the line as it is', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (text) => lines.push(text) })
  const circle: Record<string, unknown> = {}
  circle['circle'] = circle
  for (const [odd, written] of [
    [circle, 'an object'],
    [7n, 'a bigint'],
  ] as const) {
    log.info({ odd, port: 1 }, 'It happened.')
    const { level, odd: told, port, msg } = JSON.parse(lines.pop() ?? '')
    assert.deepEqual(
      { level, told, port, msg },
      { level: 'info', told: written, port: 1, msg: 'It happened.' },
    )
  }
})

test('each line has the time of its millisecond, also where the clock is set or the year is long', (t) => {
  let line = ''
  const output: Pick<LogOutput, 'write'> = {
    write(text) {
      line = text
    },
  }
  const log = createLog('info', output)
  for (const now of [0, 7, 999, 1_000, 1_764_237_600_042, 1_764_237_600_999, 59, -1, 253_402_300_800_001]) {
    t.mock.method(Date, 'now', () => now)
    log.info({}, 'It happened.')
    assert.equal(JSON.parse(line).time, new Date(now).toISOString())
  }
})
