import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Provider } from '../../ports/provider.ts'
import type { Scope } from '../../ports/store.ts'
import { holdingProvider, remoteProvider, serves, servingProvider } from './serving.ts'

const MODES = ['test', 'live'] as const
const scope = (accountId: number, mode: Scope['mode']): Scope => ({ accountId, mode })
const provider = (mode: Scope['mode'], accounts?: ReadonlySet<number>, remote = true) =>
  ({ name: 'bank', mode, remote, ...(accounts && { accounts }) }) as Provider
const configured = (one: Provider) => ({ providers: new Map([['bank', one]]) })

test('a provider without a list of accounts serves every account, in its mode alone', () => {
  for (const mode of MODES)
    for (const asked of MODES)
      for (const account of [1, 2])
        assert.equal(serves(provider(mode), scope(account, asked)), mode === asked)
})

test('a provider with a list serves these accounts alone', () => {
  const listed = provider('live', new Set([2, 3]))
  for (const [account, expected] of [
    [1, false],
    [2, true],
    [3, true],
  ] as const) {
    assert.equal(serves(listed, scope(account, 'live')), expected)
    assert.equal(serves(listed, scope(account, 'test')), false)
    assert.equal(servingProvider(configured(listed), scope(account, 'live'), 'bank') !== undefined, expected)
  }
})

test('a provider holds the charges of an account that it no longer serves, but none of the other mode', () => {
  const listed = configured(provider('live', new Set([2])))
  assert.equal(holdingProvider(listed, scope(1, 'live'), 'bank')?.name, 'bank')
  assert.equal(remoteProvider(listed, scope(1, 'live'), 'bank')?.name, 'bank')
  for (const find of [holdingProvider, remoteProvider, servingProvider]) {
    assert.equal(find(listed, scope(2, 'test'), 'bank'), undefined)
    assert.equal(find(listed, scope(2, 'live'), 'gone'), undefined)
  }
  assert.equal(
    remoteProvider(configured(provider('test', undefined, false)), scope(1, 'test'), 'bank'),
    undefined,
  )
})
