import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { tempDir } from '../test/kit/folders.ts'
import { databaseProblem, fileProblem, publicUrl, serversOf, urlProblem } from './database-name.ts'

const dir = tempDir()
after(() => dir.remove())

test('the path of a file is taken as it is, with any characters after ./', () => {
  for (const path of [
    'minipay.db',
    './minipay.db',
    '/var/lib/minipay/minipay.db',
    '../data/my books.db',
    'C:\\minipay.db',
    'data//minipay.db',
    'zürich.db',
    './host=a.db',
    './postgres:minipay.db',
    './a@b.db',
  ])
    assert.deepEqual([databaseProblem(path), fileProblem(path)], [undefined, undefined], path)
})

const SERVERS = [
  'host=db dbname=minipay password=s3cret',
  'dbname=minipay',
  ' host = db user=pay',
  'postgres host=db',
  'Server=db;Database=minipay;Password=s3cret',
  'postgres:/minipay:s3cret@db/minipay',
  'postgres:minipay',
  'postgresql//pay:s3cret@db/minipay',
  'postgres;//pay:s3cret@db/minipay',
  'postgre://pay:s3cret@db/minipay',
  'pg://db/minipay',
  'POSTGRES://pay:s3cret@db/minipay',
  'Postgresql://db/minipay',
  'mysql://pay:s3cret@db/minipay',
  'sqlite://minipay.db',
  'sqlite:minipay.db',
  'file:minipay.db',
  'FILE:minipay.db?mode=rw',
  'jdbc:postgresql://db/minipay',
  'jdbc:postgresql:minipay',
  'HTTP://db/minipay',
  'https//db/minipay',
  'pay:s3cret@db/minipay',
  'pay@db/minipay',
  'localhost:5432/minipay',
  '10.0.0.1:5432/minipay',
  '[::1]:5432/minipay',
  '//db/minipay',
  ':memory:',
]

test('a server in another form than a postgres:// URL is never taken for a file', () => {
  for (const name of SERVERS) {
    for (const problem of [databaseProblem(name), fileProblem(name)]) {
      assert.match(problem ?? 'accepted', /must/, name)
      assert.doesNotMatch(problem ?? '', /s3cret/, name)
    }
    assert.match(urlProblem(name) ?? 'accepted', /postgres:\/\//, name)
  }
  assert.match(databaseProblem('host=db') ?? '', /postgres:\/\/user:password@host:port\/database/)
})

test('an empty name, blanks around it, control characters, quotes and folders are refused', () => {
  for (const name of [
    ...['', ' ', '\t', 'minipay.db\n', 'mini\u0000pay.db', 'mini\u001b[2Jpay.db', '\u007f', ' minipay.db'],
    ...[
      'minipay.db ',
      '"minipay.db"',
      "'postgres://db/minipay'",
      'data/',
      '.',
      '..',
      '/',
      dir.path,
      '/dev/null',
    ],
    'x'.repeat(300),
  ])
    assert.match(databaseProblem(name) ?? 'accepted', /^must/, JSON.stringify(name))
})

test('a URL is refused for its ports, hosts, escapes and parameters, and its password is never repeated', () => {
  for (const url of [
    'postgres://pay:s3cret@db:0/minipay',
    'postgres://pay:s3cret@db:99999/minipay',
    'postgres://pay:s3cret@db:5432,two:65536/minipay',
    'postgres://pay:s3cret@db:port/minipay',
    'postgres://pay:s3cret@/minipay',
    'postgres://',
    'postgres:///minipay',
    'postgres://pay:s3cret@d b/minipay',
    'postgres://pay:s3cret%zz@db/minipay',
    'postgres://pay:s3cret%E0%A4@db/minipay',
    'postgres://pay:s3cret%00@db/minipay',
    'postgres://pay:s3cret@db/mini%0apay',
    'postgres://pay:s3cret@db/minipay\n',
    'postgres://pay:s3cret@db/minipay?sslmode=yes',
    'postgres://pay:s3cret@db/minipay?sslmode=verify_full',
    'postgres://pay:s3cret@db/minipay?sslnegotiation=fast',
    'postgres://pay:s3cret@db/minipay?client_encoding=latin1',
    'postgres://pay:s3cret@db/minipay?sslrootcert=/nowhere/ca.crt',
    'postgres:///minipay?host=one,two',
    'postgres:///minipay?host=one&port=0',
    'postgres://pay:s3cret@:5433/minipay',
    'postgres://pay:s3cret@one,,two/minipay',
  ]) {
    const problem = databaseProblem(url) ?? 'accepted'
    assert.match(problem, /^(must be of the form|has |names )/, url)
    assert.doesNotMatch(problem, /s3cret/, url)
    assert.doesNotMatch(publicUrl(url), /s3cret/, url)
  }
})

test('messages name each server with its port', () => {
  assert.deepEqual(serversOf('postgres://pay:s3cret@one,two:5433/minipay'), ['one:5432', 'two:5433'])
  assert.deepEqual(serversOf('postgres://pay@[::1]/minipay'), ['[::1]:5432'])
  assert.deepEqual(serversOf('postgres://pay@%2Ftmp:5433/minipay'), ['/tmp/.s.PGSQL.5433'])
  assert.deepEqual(serversOf('postgres:///minipay?host=/tmp'), ['/tmp/.s.PGSQL.5432'])
  assert.deepEqual(serversOf('postgres:///minipay?host=/tmp&port=5433'), ['/tmp/.s.PGSQL.5433'])
  assert.deepEqual(serversOf('postgres://pay@:5433/minipay?host=db'), ['db:5433'])
})

test('several hosts, a socket’s folder, IPv6 and escapes are taken', () => {
  const ca = join(dir.path, 'ca.crt')
  writeFileSync(ca, '')
  const names = {
    'postgres://pay:s3cret@one:5432,two/minipay': 'postgres://pay@one:5432,two/minipay',
    'postgres://pay@%2Fvar%2Frun%2Fpostgresql/minipay': 'postgres://pay@%2Fvar%2Frun%2Fpostgresql/minipay',
    'postgres://pay@%2Ftmp:5433/minipay': 'postgres://pay@%2Ftmp:5433/minipay',
    'postgres:///minipay?host=/tmp': 'postgres://%2Ftmp/minipay',
    'postgres:///minipay?host=/tmp&port=5433': 'postgres://%2Ftmp/minipay',
    'postgres://pay@:5433/minipay?host=/tmp': 'postgres://pay@%2Ftmp:5433/minipay',
    'postgres://pay:s%40cret@[::1]:5432/minipay': 'postgres://pay@[::1]:5432/minipay',
    [`postgresql://db/minipay?sslmode=verify-full&sslrootcert=${encodeURIComponent(ca)}`]:
      'postgresql://db/minipay',
  }
  for (const [url, name] of Object.entries(names))
    assert.deepEqual([databaseProblem(url), publicUrl(url)], [undefined, name], url)
})
