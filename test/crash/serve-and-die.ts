/**
 * A MiniPay that kills itself the first time it reaches a recovery point, such as DIE_AT=capture:after_the_answer. It
 * serves earlier requests of other kinds as usual.
 */
import { type Config, readConfig, SETTINGS, type SettingKey } from '../../src/config.ts'
import type { Provider } from '../../src/ports/provider.ts'
import type { Store } from '../../src/ports/store.ts'
import { serve } from '../../src/serve.ts'

const [kind, point] = (process.env['DIE_AT'] ?? '').split(':')

/** No code of this thread runs after it. */
function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

/** Dies before the call reaches the provider, or after the response returns. */
function deadly<A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) {
  if (name !== kind) return call
  return async (...args: A): Promise<R> => {
    if (point === 'before_the_call') return die()
    const answer = await call(...args)
    return point === 'after_the_answer' ? die() : answer
  }
}

function provider(given: Provider): Provider {
  if (!given.remote) return given
  return {
    ...given,
    authorize: deadly('authorize', given.authorize),
    capture: deadly('capture', given.capture),
    cancel: deadly('cancel', given.cancel),
    refund: deadly('refund', given.refund),
  }
}

/** Dies when the commit that ends an attempt of this kind is on disk. */
function store(given: Store): Store {
  return {
    ...given,
    async commit(commit) {
      const result = await given.commit(commit)
      const ends = commit.attempts.some((attempt) => attempt.kind === kind && attempt.endedAt !== null)
      return ends && point === 'after_the_second_commit' ? die() : result
    },
  }
}

const config: Config = readConfig(Object.keys(SETTINGS) as SettingKey[], [], process.env)
await serve(
  config,
  (error) => {
    throw error
  },
  { store, provider },
)
