/** How the page and the files of the dashboard are served. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'

const filesOf = (html: string) =>
  [...html.matchAll(/(?:href|src)="(\/dashboard\/assets\/[^"]+)"/g)].map(([, file = '']) => file)

test('the dashboard is made once for first visits at once, and its files never change under their addresses', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'serving.db'))
  const pages = await Promise.all(
    [
      '/dashboard',
      '/dashboard/',
      '/dashboard/payments',
      '/dashboard/payments/txn_1',
      '/dashboard/nowhere?a=1',
    ].map((path) => fetch(url + path)),
  )
  const html = await Promise.all(pages.map((page) => page.text()))
  for (const [i, { status, headers }] of pages.entries()) {
    assert.equal(status, 200)
    assert.equal(headers.get('cache-control'), 'no-cache')
    const policy = headers.get('content-security-policy') ?? ''
    const [, map = ''] = /<script type="importmap">(.*?)<\/script>/.exec(html[i] as string) ?? []
    const hash = createHash('sha256').update(map).digest('base64')
    assert.match(policy, /^default-src 'none'; /)
    assert.match(policy, /require-trusted-types-for 'script'; trusted-types 'none'$/)
    assert.ok(policy.includes(`script-src 'self' 'sha256-${hash}'`))
    assert.doesNotMatch(policy, /unsafe/)
  }
  // The page of a screen preloads the screen; none loads a file of another origin, or has a script inside.
  const [, , payments = '', payment = ''] = html
  assert.match(payments, /modulepreload" href="[^"]+\/dashboard\/screens\/payments\.ts"/)
  assert.match(payment, /modulepreload" href="[^"]+\/dashboard\/screens\/payment\.ts"/)
  assert.doesNotMatch(
    html.join(''),
    /(?:href|src)="(?:https?:)?\/\/|<script(?! type="(?:importmap|module)")|\son\w+=|style=/,
  )
  assert.equal(new Set(html.flatMap(filesOf).map((file) => file.split('/')[3])).size, 1)

  for (const file of new Set(html.flatMap(filesOf))) {
    const { status, headers } = await fetch(url + file)
    assert.equal(status, 200, file)
    assert.equal(headers.get('content-encoding'), 'gzip')
    assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.match(
      headers.get('content-type') ?? '',
      file.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
    )
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
  }
  const [style = ''] = filesOf(payments).filter((file) => file.endsWith('.css'))
  const plain = await fetch(url + style, { headers: { 'accept-encoding': 'identity' } })
  assert.deepEqual(
    [plain.headers.get('content-encoding'), plain.headers.get('vary')],
    [null, 'Accept-Encoding'],
  )
  assert.match(await plain.text(), /--accent/)
  const zipped = await fetch(url + style)
  assert.notEqual(zipped.headers.get('etag'), plain.headers.get('etag'))
  const etags = [plain, zipped].map(({ headers }) => headers.get('etag') ?? '') as [string, string]
  assert.deepEqual([/^"[a-z]+"$/.test(etags[0]), /^W\/"[a-z]+-gzip"$/.test(etags[1])], [true, true])
  // Each only for who has it, in the encoding that is sent now.
  for (const [accepted, known, status] of [
    ['gzip', etags[1], 304],
    ['gzip', etags[1].slice(2), 304],
    ['gzip', `"other", ${etags[1]}`, 304],
    ['gzip', etags[0], 200],
    ['gzip', `W/${etags[0]}`, 200],
    ['identity', etags[0], 304],
    ['identity', `W/${etags[0]}`, 304],
    ['identity', etags[1], 200],
    ['identity', '*', 304],
  ] as const) {
    const headers = { 'accept-encoding': accepted, 'if-none-match': known }
    const again = await fetch(url + style, { headers })
    assert.equal(again.status, status, `${accepted} ${known}`)
    assert.equal(again.headers.get('etag'), etags[accepted === 'gzip' ? 1 : 0])
    assert.equal(again.headers.get('vary'), 'Accept-Encoding')
  }
  for (const [accepted, encoding] of Object.entries({
    'gzip;q=0': null,
    'GZIP; q=0.0, br': null,
    'identity, gzip;q=0.5': null,
    'gzip;q=0, *': null,
    'not-gzip': null,
    '': null,
    'gzip;q=0.001': 'gzip',
    'br, GZIP': 'gzip',
    'deflate, gzip;q=1.0, *;q=0.5': 'gzip',
    'identity;q=0, *': 'gzip',
  })) {
    const { status, headers } = await fetch(url + style, { headers: { 'accept-encoding': accepted } })
    assert.deepEqual([status, headers.get('content-encoding')], [200, encoding], accepted)
  }

  const [, , , hash = ''] = style.split('/')
  for (const path of [
    `/dashboard/assets/${'a'.repeat(hash.length)}/style.css`,
    `/dashboard/assets/${hash}/none.css`,
    `/dashboard/assets/${hash}/dashboard/../../package.json`,
    `/dashboard/assets/${hash}/%2e%2e/package.json`,
    `/dashboard/assets/${hash}/serve.ts`,
    '/dashboard/assets/x',
  ])
    assert.notEqual((await fetch(url + path)).headers.get('cache-control')?.includes('immutable'), true, path)
  const head = await fetch(`${url}/dashboard/`, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  assert.equal((await fetch(`${url}/dashboard/payments`, { method: 'POST' })).status, 405)
})
