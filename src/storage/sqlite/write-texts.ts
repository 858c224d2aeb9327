/** Writes texts that are too long for their row: see long-texts. */
import type { Connection } from './connection.ts'
import { type Apart, digestOf, withoutDetails } from './long-texts.ts'
import { packedData } from './packed-texts.ts'

/**
 * The most bytes of UTF-8 of an event's packed data in its row: a row of 1,002 bytes needs another page, and the other columns
 * take a hundred.
 */
const MAX_DATA_BYTES = 900
/** Characters of long data that stay in the row: they contain the charge's id, by which `verify` finds the event. */
const HEAD = 48
const MAX_UTF8_BYTES = 3

export type TextWrites = ReturnType<typeof textWrites>

export function textWrites(db: Connection) {
  const insert = db.prepare('INSERT INTO long_texts (text, digest) VALUES (?, ?)')
  const ofCharge = db
    .prepare<[number, number, string], number | null>(
      'SELECT details_id FROM charges WHERE account_id = ? AND live = ? AND id = ?',
    )
    .pluck()
  const ofRefund = db
    .prepare<[number, number, string], number | null>(
      'SELECT details_id FROM refunds WHERE account_id = ? AND live = ? AND id = ?',
    )
    .pluck()

  function put(text: string): number {
    return Number(insert.run(text, digestOf(text)).lastInsertRowid)
  }

  return {
    /** Stores the long details of a new charge. */
    put: (text: string): Apart => ({ id: put(text), text }),

    /** The details of a stored charge; undefined if they are in its row, as an earlier version stored them. */
    ofCharge(account: number, live: number, id: string, text: string): Apart | undefined {
      const found = ofCharge.get(account, live, id)
      return typeof found === 'number' ? { id: found, text } : undefined
    },

    /** Stores the long details of a new refund; a stored refund keeps its number, and gets null. */
    ofRefund: (account: number, live: number, id: string, text: string): number | null =>
      ofRefund.get(account, live, id) === undefined ? put(text) : null,

    /** An event's data as its row stores it, and the numbers of the texts that it refers to. */
    event(
      data: string,
      apart: Apart | undefined,
    ): [data: string, detailsId: number | null, restId: number | null] {
      const own = withoutDetails(data, apart)
      const detailsId = apart && own !== data ? apart.id : null
      const packed = packedData(own)
      const fits =
        packed.length * MAX_UTF8_BYTES <= MAX_DATA_BYTES || Buffer.byteLength(packed) <= MAX_DATA_BYTES
      return fits ? [packed, detailsId, null] : [own.slice(0, HEAD), detailsId, put(own.slice(HEAD))]
    },
  }
}
