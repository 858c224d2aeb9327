/** The written form of the keys that encrypt secrets. */
import { randomBytes } from 'node:crypto'
import { KEY_BYTES } from './vault.ts'

/** A new key as it is written in the configuration and in a key file: 32 random bytes in base64. */
export function newKeyText(): string {
  return randomBytes(KEY_BYTES).toString('base64')
}

/** The keys in a text, separated by commas or new lines; undefined if one is not 32 bytes in base64. */
export function keysOf(text: string): Buffer[] | undefined {
  const parts = text
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const keys = parts.map((part) => Buffer.from(part, 'base64'))
  const areRight = keys.every(
    (key, i) => key.length === KEY_BYTES && /^[A-Za-z0-9+/]{43}=$/.test(parts[i] as string),
  )
  return areRight ? keys : undefined
}
