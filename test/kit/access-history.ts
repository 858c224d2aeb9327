import {
  createAccessKey,
  renameAccessKey,
  revokeAccessKey,
  rollAccessKey,
} from '../../src/app/access/access-keys.ts'
import { closeAccount, createAccount, renameAccount } from '../../src/app/access/accounts.ts'
import { operator } from '../../src/app/access/administrator.ts'
import type { Context } from '../../src/app/context.ts'
import { isRejection, type Rejection } from '../../src/domain/error.ts'

/** The result of a use case that must succeed. */
async function done<T extends object>(result: Promise<T | Rejection>): Promise<T> {
  const found = await result
  if (isRejection(found)) throw new Error(`${found.param}: ${found.message}`)
  return found
}

/** Accounts and keys of every kind, each known by its name, and a session of the dashboard. */
export async function administer(context: Context): Promise<void> {
  const by = operator('cli')
  const shop = await done(createAccount(context, by, 'shop'))
  const closed = await done(createAccount(context, by, 'closed'))
  await done(createAccount(context, by, 'unused'))
  await done(renameAccount(context, by, shop.publicId, 'the "shop"'))
  const make = async (name: string, request: object) =>
    (await done(createAccessKey(context, by, { name, ...request }))).key
  const administrator = await make('administrator', { role: 'administrator' })
  const from = { address: '192.0.2.7', host: 'pay.example', browser: 'Firefox on Linux', requestId: 'req_1' }
  await context.sessions.begin({ key: administrator, permissions: by.permissions }, from)
  await make('support', { role: 'support', account: shop.publicId, mode: 'test' })
  await make('limited', {
    ...{ permissions: ['refunds:write', 'keys:write'], networks: ['10.0.0.0/8', '2001:db8::/32'] },
    ...{ expiresAt: context.now() + 86_400_000, rateLimit: 20 },
  })
  const renamed = await make('application', { role: 'application', account: shop.publicId })
  await done(renameAccessKey(context, by, renamed.id, '%_"role":"administrator"'))
  const revoked = await make('revoked', { role: 'read_only' })
  await done(revokeAccessKey(context, by, revoked.id))
  const rolled = await make('rolled', { role: 'read_only', account: closed.publicId })
  const { key } = await done(rollAccessKey(context, by, rolled.id))
  await done(rollAccessKey(context, by, key.id, 0))
  await done(closeAccount(context, by, closed.publicId))
}
