/**
 * The data of an event and the fingerprint of a request are JSON of few forms: half of their characters are the same in every
 * row. Rows have a control character in place of each such word. JSON escapes control characters, so no text has one of its
 * own, and every packed text has exactly one whole text. Texts from before, and all others, are stored whole.
 */
import type { Connection } from './connection.ts'

/**
 * The word of each character, from U+0001. Rows contain these characters: a word is never changed or removed. New ones come
 * last, with a migration, because a former version cannot read them. The last character is for `DIGITS`.
 */
export const WORDS = [
  '","amount":',
  ',"amountCaptured":',
  ',"currency":"',
  '","customer":"',
  '","status":"succeeded","provider":"',
  '","status":"',
  ',"capture":false',
  ',"paymentMethod":"',
  ',"description":null,"metadata":{"',
  '","provider":"',
  '","providerReference":"',
  '","declineCode":"',
  '","idempotencyKey":"',
  '","createdAt":',
  '},"previous":{"amountCaptured":0,"status":"processing","providerReference":null',
  '},"previous":{"',
  '},"cause":"req_',
  'POST /api/v1/charges {"amount":',
  '","description":"',
  '","metadata":{"',
  '","payment_method":"',
  '"}',
  '},"provider":"',
] as const
type Word = (typeof WORDS)[number]
/** The digits of a charge's id, where a text repeats them after its beginning: as in the sandbox's references. */
const DIGITS = '\x1f'

const CHARACTERS = new RegExp(`[${characterOf(WORDS[0])}-${DIGITS}]`, 'g')

/** Where the data of a charge's event has the digits of its id, up to which it is not packed: indexes read its beginning. */
const [DIGITS_AT, HEAD] = ['{"charge":{"id":"txn_'.length, '{"charge":{"id":"txn_'.length + 26]

/** Words in the order in which a text has them; of several in one place, it has the first or another. */
type Order = readonly (readonly Word[])[]

const IN_EVENTS: Order = [
  ['","amount":'],
  [',"amountCaptured":'],
  [',"currency":"'],
  ['","customer":"'],
  ['","status":"succeeded","provider":"', '","status":"'],
  [',"capture":false'],
  [',"paymentMethod":"'],
  [',"description":null,"metadata":{"'],
  ['},"provider":"', '","provider":"'],
  ['","providerReference":"'],
  ['","declineCode":"'],
  ['","idempotencyKey":"'],
  ['","createdAt":'],
  ['},"previous":{"amountCaptured":0,"status":"processing","providerReference":null', '},"previous":{"'],
  ['},"cause":"req_'],
]

const IN_REQUESTS: Order = [
  ['POST /api/v1/charges {"amount":'],
  [',"capture":false'],
  [',"currency":"'],
  ['","customer":"'],
  ['","description":"'],
  ['","metadata":{"'],
  ['","payment_method":"'],
  ['"}'],
]

function characterOf(word: Word): string {
  return String.fromCharCode(1 + WORDS.indexOf(word))
}

/** The data of an event, as its row has it. */
export const packedData = packer(IN_EVENTS, HEAD)
/** The fingerprint of a request, as the row of its key has it. */
export const packedFingerprint = packer(IN_REQUESTS, 0)

/** Searches each word once, after the one before it: an expression of all words takes twice the time. */
function packer(order: Order, from: number): (text: string) => string {
  const places = order.map((words) => words.map((word) => ({ word, character: characterOf(word) })))
  return (text) => {
    let packed = ''
    let done = 0
    let next = from
    for (const place of places)
      for (const { word, character } of place) {
        const at = text.indexOf(word, next)
        if (at < 0) continue
        packed += text.slice(done, at) + character
        done = next = at + word.length
        break
      }
    packed += text.slice(done)
    return from === 0 ? packed : packed.slice(0, HEAD) + withoutDigits(packed)
  }
}

/** The rest of packed data, with the first repetition of the digits in its beginning replaced. */
function withoutDigits(packed: string): string {
  const digits = packed.slice(DIGITS_AT, HEAD)
  const rest = packed.slice(HEAD)
  const at = digits.length === HEAD - DIGITS_AT ? rest.indexOf(digits) : -1
  return at < 0 ? rest : rest.slice(0, at) + DIGITS + rest.slice(at + digits.length)
}

/**
 * The whole text of a packed one, or of one that is stored whole. Characters without a word stay: then it is no JSON, and not
 * another object.
 */
export function unpacked(text: string): string {
  return text.replace(CHARACTERS, (character) =>
    character === DIGITS ? text.slice(DIGITS_AT, HEAD) : (WORDS[character.charCodeAt(0) - 1] ?? character),
  )
}

/** Gives the connection the function `unpacked` of one text. */
export function defineUnpacked(db: Connection): void {
  db.function('unpacked', { deterministic: true }, (text: unknown) => unpacked(String(text)))
}
