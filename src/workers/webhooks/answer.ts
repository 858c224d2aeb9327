import { cutCardNumbers } from '../../domain/cards/card-numbers.ts'

/** The most characters of a response that MiniPay keeps. */
export const MAX_ANSWER = 500

/**
 * The beginning of a response's body as a person can read it and a database can store it: without control characters,
 * invalid bytes and card numbers. Null without one.
 */
export function readableAnswer(bytes: Buffer): string | null {
  if (bytes.length === 0) return null
  const text = bytes.toString('utf8')
  const plain = PRINTABLE.test(text) ? text : text.replace(UNPRINTABLE, '\ufffd')
  return cutCardNumbers(whole(plain.slice(0, MAX_ANSWER)), '[card number]').slice(0, MAX_ANSWER)
}

const PRINTABLE = /^[\x20-\x7e\n\t]*$/
/** Everything but line feeds and tabs that shows nothing, or changes how its neighbours are shown. */
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu

/** Without the half of a character that a cut has left at the end. */
function whole(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text
}
