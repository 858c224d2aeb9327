import type { Scope } from '../scope.ts'

/** Random bytes of a secret: 192 bits. */
export const SECRET_BYTES = 24

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 62^33 > 2^192, and 62^6 > 2^32. */
const RANDOM_DIGITS = 33
const CHECK_DIGITS = 6
const FORM = /^mp_(test|live)_[0-9A-Za-z]{39}$/
const HINT_END = 4

/**
 * The secret of an access key: `mp_test_` or `mp_live_`, 33 base62 digits of 24 random bytes, and 6 of the CRC-32 of all
 * characters before. The checksum lets scanners recognise a leaked secret, and refuses a typing error without a
 * look-up.
 */
export function keySecret(mode: Scope['mode'], random: Uint8Array): string {
  let number = 0n
  for (const byte of random) number = (number << 8n) | BigInt(byte)
  const head = `mp_${mode}_${base62(number, RANDOM_DIGITS)}`
  return head + checksum(head)
}

/** The mode of a well-formed secret, whether or not its key exists; undefined for any other text. */
export function modeOfSecret(secret: string): Scope['mode'] | undefined {
  const mode = FORM.exec(secret)?.[1] as Scope['mode'] | undefined
  const head = secret.slice(0, -CHECK_DIGITS)
  return mode && head + checksum(head) === secret ? mode : undefined
}

/** How lists show a secret: its prefix and its last four characters. */
export function hintOf(secret: string): string {
  return `${secret.slice(0, 'mp_test_'.length)}…${secret.slice(-HINT_END)}`
}

const checksum = (head: string) => base62(BigInt(crc32(head)), CHECK_DIGITS)

function base62(number: bigint, digits: number): string {
  let text = ''
  for (let rest = number, i = 0; i < digits; i++) {
    text = ALPHABET[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}

/** The CRC-32 of an ASCII text (ISO 3309, as in zip and PNG). */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
