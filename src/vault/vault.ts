/** Secrets at rest: AES-256-GCM under the operator's keys (NIST SP 800-38D), with a random nonce of 96 bits each. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { noVault, type Vault, VaultError } from '../ports/vault.ts'

export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'
const SEALED = /^v1\.([\w-]{8})\.([\w-]{16})\.([\w-]{22,})$/

/** Sealing stops without a key, and the sentence says why. */
export const NO_KEY =
  'MiniPay has no key that encrypts secrets. Make one with: minipay secrets new-key. Then start every node with it as MINIPAY_SECRETS_KEY.'

type Key = { readonly id: string; readonly key: KeyObject }

/** A vault with keys of 32 bytes each: the first seals, and all open. Without any, `unusable` is why it has none. */
export function createVault(keys: readonly Buffer[], unusable: string = NO_KEY): Vault {
  const known = new Map(keys.map((key) => [keyId(key), createSecretKey(key)]))
  const [current] = [...known].map(([id, key]): Key => ({ id, key }))
  if (!current) return noVault(unusable)
  return {
    unusable: null,
    seal: (text, context) => sealed(current, text, context),
    open(text, context) {
      const [, id = '', nonce = '', rest = ''] = SEALED.exec(text) ?? []
      const key = known.get(id)
      if (key) return opened(key, Buffer.from(nonce, 'base64url'), Buffer.from(rest, 'base64url'), context)
      if (id === '') throw new VaultError('A stored secret is damaged: it is not in the format of MiniPay.')
      throw new VaultError(`MiniPay lacks the key ${id}, under which a secret is encrypted. ${MISSING_KEY}`)
    },
    isCurrent: (text) => SEALED.exec(text)?.[1] === current.id,
  }
}

const MISSING_KEY =
  'Add it to MINIPAY_SECRETS_KEY, after a comma; or, if it is lost, give the endpoint a new secret with rotate_secret, and set its headers again.'

/** A short name of a key, which reveals nothing of it. */
export function keyId(key: Buffer): string {
  return createHmac('sha256', key).update('minipay secrets key').digest('base64url').slice(0, 8)
}

function sealed({ id, key }: Key, text: string, context: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context))
  const whole = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `v1.${id}.${nonce.toString('base64url')}.${whole.toString('base64url')}`
}

function opened(key: KeyObject, nonce: Buffer, whole: Buffer, context: string): string {
  const end = whole.length - TAG_BYTES
  const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(context)).setAuthTag(whole.subarray(end))
  try {
    return Buffer.concat([cipher.update(whole.subarray(0, end)), cipher.final()]).toString('utf8')
  } catch {
    throw new VaultError(
      'A stored secret does not open: it was changed, or moved from another endpoint. Give the endpoint a new secret with rotate_secret, and set its headers again.',
    )
  }
}
