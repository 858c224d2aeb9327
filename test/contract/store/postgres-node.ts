/**
 * A node that the test kills: it opens the database of its argument, sends an attempt, leases the cursor of a
 * webhook endpoint and a notification for a day, prints their ids and keeps running.
 */

import { openPostgresStore } from '../../../src/storage/postgres/store.ts'
import { beginCommit, committed, newId, START } from '../../kit/commits.ts'
import { LIVE_SCOPE } from '../../kit/scopes.ts'
import { addedEndpoint } from '../../kit/webhooks.ts'

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
const endpoint = await addedEndpoint(store, scope)
await store.claimWebhookCursors({ now: START + 60_000, leaseUntil, token: 'of the dead', limit: 9 })
const notification = newId('ntf')
await store.addNotification({
  ...{ id: notification, provider: 'bank_a', notificationId: 'n_1', subject: { about: 'nothing' } },
  ...{ tries: 0, receivedAt: START },
})
await store.claimNotifications({ limit: 1, now: START, leaseUntil, token: 'of the dead' })
console.log(JSON.stringify({ attempt: begun.attempt.id, endpoint: endpoint.id, notification }))
// The heartbeat alone would not keep the process running.
setInterval(() => {}, DAY_MS)
