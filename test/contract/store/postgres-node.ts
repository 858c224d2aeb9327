/**
 * A node that the test kills: it opens the database of its argument, sends an attempt, leases a delivery and a
 * notification for a day, prints their ids and keeps running.
 */

import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { beginCommit, chargeCommit, claim, committed, newId, START } from '../../kit/commits.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'

const DAY_MS = 86_400_000
const store = await openPostgresStore({
  url: process.argv[2] as string,
  onFatal: (error) => {
    throw error
  },
})
const scope = LIVE_SCOPE
const leaseUntil = START + DAY_MS
const begun = beginCommit({ scope, leaseUntil })
await committed(store, begun.commit)
await committed(store, chargeCommit({ scope, endpoints: ['default'] }))
const [delivery] = await claim(store, { now: START + 60_000, leaseUntil, token: 'of the dead' })
const notification = newId('ntf')
await store.addNotification({
  ...{ id: notification, provider: 'bank_a', notificationId: 'n_1', subject: { about: 'nothing' } },
  ...{ tries: 0, receivedAt: START },
})
await store.claimNotifications({ limit: 1, now: START, leaseUntil, token: 'of the dead' })
console.log(JSON.stringify({ attempt: begun.attempt.id, delivery: delivery?.id, notification }))
// The heartbeat alone would not keep the process running.
setInterval(() => {}, DAY_MS)
