import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import Database from 'better-sqlite3'
import type { PaymentRow } from './rows.ts'

const PAGE = `
SELECT p.*, (SELECT coalesce(sum(d.amount), 0) FROM disputes d WHERE d.payment = p.id AND d.status <> 'won') AS disputed
FROM payments p
WHERE p.number > ?
ORDER BY p.number
LIMIT 1000`
const TOTALS = `
SELECT currency, count(*) AS payments, sum(captured) AS captured, sum(refunded) AS refunded,
  sum(CASE WHEN status = 'authorized' THEN amount ELSE 0 END) AS authorized
FROM payments
GROUP BY currency
ORDER BY currency`

type Row = PaymentRow & { readonly disputed: number }
type Total = { readonly currency: string } & Readonly<Record<string, number>>

/**
 * Writes the real payments of the simulator, in the order in which they were made, and the totals, from one snapshot.
 */
export async function sendStatement(file: string, response: ServerResponse): Promise<void> {
  // A connection of its own, so that the snapshot stays the same while the simulator works.
  const db = new Database(file, { readonly: true })
  try {
    db.exec('BEGIN')
    const page = db.prepare<[number], Row>(PAGE)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{"payments":[')
    let last = 0
    for (let rows = page.all(last); rows.length > 0; rows = page.all(last)) {
      const text = rows.map((row) => JSON.stringify(entry(row))).join(',\n')
      const wait = !response.write(last === 0 ? text : `,\n${text}`)
      last = rows.at(-1)?.number ?? last
      if (response.destroyed) return
      if (wait) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
    const totals = db.prepare<[], Total>(TOTALS).all()
    const byCurrency = Object.fromEntries(totals.map(({ currency, ...sums }) => [currency, sums]))
    response.end(`],"totals":${JSON.stringify(byCurrency)}}`)
  } finally {
    db.close()
  }
}

function entry(row: Row): object {
  return {
    payment: row.id,
    reference: row.reference,
    transaction_id: row.transaction_id,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    captured: row.captured,
    refunded: row.refunded,
    canceled: row.status === 'canceled' || row.status === 'expired',
    expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
    disputed: row.disputed,
  }
}
