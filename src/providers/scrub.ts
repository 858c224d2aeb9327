import { cutCardNumbers, holdsCardNumber } from '../domain/cards/card-numbers.ts'

/** The longest text of a provider that is kept, in characters. */
const MAX_TEXT = 200

/** The number of characters of a longer text that MiniPay scans; it would not keep the rest anyway. */
const MAX_INPUT = 4_096

/**
 * Text that is or looks like a key: MiniPay's (Standard Webhooks), Stripe's, and the content of an Authorization
 * header.
 */
const KEYS = [/whsec_[\w+/=-]*/g, /\b[sprk]{2}_(?:live|test)_\w*/g, /\b(?:bearer|basic)\s+[\w.~+/=-]{16,}/gi]
const CUT = '[cut]'

/**
 * Returns a function that makes a text safe to store, log and show: one line of at most 200 characters, without the
 * secrets, and without anything that looks like a key or a card number. It also cuts a secret in base64, as in an
 * Authorization header.
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = formsOf(secrets)
  const longest = Math.max(0, ...forms.map((form) => form.length))
  return (text) => {
    // It would not find a secret that crosses the end, so it leaves out as many characters.
    let clean = text.length <= MAX_INPUT ? text : text.slice(0, MAX_INPUT)
    const cutShort = text.length > MAX_INPUT
    for (const form of forms) clean = clean.replaceAll(form, CUT)
    for (const key of KEYS) clean = clean.replace(key, CUT)
    clean = cutCardNumbers(clean, CUT)
    if (cutShort) clean = clean.slice(0, -longest || undefined)
    const short = oneLine(clean).slice(0, MAX_TEXT).toWellFormed()
    // Digits that look like a card only with their neighbours, or without the cut part: drop the text.
    return holdsCardNumber(short) ? CUT : short
  }
}

/**
 * Returns a function that checks whether a text contains one of the secrets: for references and addresses, which must
 * not be changed.
 */
export function leakFinder(secrets: readonly string[]): (text: string) => boolean {
  const forms = formsOf(secrets)
  return (text) => forms.some((form) => text.includes(form))
}

/** Every form in which a secret may be written, the longest first. */
function formsOf(secrets: readonly string[]): string[] {
  return secrets
    .flatMap((secret) => [secret, ...bareKey(secret), encodeURIComponent(secret), encoded(secret)])
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length)
}

/** The key of a `whsec_` secret, which is as secret without its prefix. */
function bareKey(secret: string): string[] {
  return secret.startsWith('whsec_') && secret.length > 'whsec_'.length ? [secret.slice('whsec_'.length)] : []
}

/** The base64 of its whole groups of three bytes: the rest depends on what follows, which in HTTP Basic is a colon. */
function encoded(secret: string): string {
  const bytes = Buffer.from(secret)
  return bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64')
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
}
