/** API keys for tests: made in the database, before a server uses it. */
import { createAccessKey, type MadeKey } from '../../src/app/access/access-keys.ts'
import { createAccount } from '../../src/app/access/accounts.ts'
import { type AccessContext, operator, type ScopeRequest } from '../../src/app/access/administrator.ts'
import { createContext } from '../../src/app/context.ts'
import type { Account } from '../../src/domain/access/access-key.ts'
import type { KeyRequest } from '../../src/domain/access/new-key.ts'
import { isRejection, type Rejection } from '../../src/domain/error.ts'
import type { Store } from '../../src/ports/store.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { engineOf } from '../../src/storage/engine.ts'
import { onEngine } from './server.ts'

export type Maker = {
  /** An administrator in test mode of the first account, unless the request says otherwise. */
  key(request?: Partial<KeyRequest> & ScopeRequest): Promise<MadeKey>
  account(name: string): Promise<Account>
  readonly store: Store
}

/** Opens the database of a file or a URL, as the command line does, makes keys and accounts in it, and closes it. */
export async function inDatabase<T>(file: string, make: (maker: Maker) => Promise<T>): Promise<T> {
  const engine = await engineOf(await onEngine(file))
  const log = { info() {}, warn() {}, error() {} }
  const fail = (error: Error) => {
    throw error
  }
  const store = await engine.open({
    ...{ withoutFsync: 'allow', onGroup() {}, onFatal: fail, log, now: nodeRuntime.now },
  })
  const context = { ...createContext({ store, runtime: nodeRuntime } as never), store } as AccessContext & {
    readonly keyring: { forgetAll(): void }
  }
  try {
    return await make({
      key: async (request = {}) =>
        made(
          await createAccessKey(context, operator('cli'), {
            ...{ name: 'test', mode: 'test', ...(request.permissions ? {} : { role: 'administrator' }) },
            ...request,
          }),
        ),
      store,
      account: async (name) => made(await createAccount(context, operator('cli'), name)),
    })
  } finally {
    await store.close()
  }
}

function made<T extends object>(result: T | Rejection): T {
  if (isRejection(result)) throw new Error(result.message)
  return result
}

export const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
export const basic = (secret: string, password = '') => ({
  authorization: `Basic ${Buffer.from(`${secret}:${password}`).toString('base64')}`,
})
