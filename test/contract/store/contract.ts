/**
 * The rules for every store. An adapter's test calls `storeContract` with a way to open an empty store. Times and
 * tokens are arguments, so no test waits.
 */
import { describe } from 'node:test'
import type { Open } from '../../kit/commits.ts'
import { providerUse } from '../provider/use.ts'
import { accessKeyLists, accessKeys, accountRows, recordedChanges, rolledKeys } from './access.ts'
import { alarmLists, alarms, impossibleRows } from './alarms.ts'
import { attemptLists } from './attempt-lists.ts'
import { attemptClaims, postponements, references } from './attempts.ts'
import { attention } from './attention.ts'
import { auditLists, auditLog } from './audit.ts'
import { clocks, heldLeases, lateWork, purges, setBackLists } from './clock.ts'
import {
  atomicChanges,
  atomicCommits,
  bookedTransfers,
  concurrentCommits,
  eventNumbers,
  refusedCommits,
  sharedGroups,
} from './commits.ts'
import { disputes } from './disputes.ts'
import { eventLog } from './event-log.ts'
import { isolation } from './isolation.ts'
import { keyRecords } from './key-records.ts'
import { balanceLimits, closing, scopesApart, scopesUntouched } from './limits.ts'
import { eventLists, filteredLists, ledgerLists, pages } from './lists.ts'
import { longTexts } from './long-texts.ts'
import { notifications, settledNotifications } from './notifications.ts'
import { pauses } from './pauses.ts'
import { retention } from './retention.ts'
import { ruleSets } from './rulesets.ts'
import { sessions } from './sessions.ts'
import { statisticQueries, statistics } from './statistics.ts'
import { changedColumns, changedEndings, refusedSteps, steps } from './steps.ts'
import { system } from './system.ts'
import { concurrentLimits, purgedCounters, velocityLimits } from './velocity.ts'
import { webhookClaims, webhookPositions } from './webhook-cursors.ts'
import { dueWebhooks, longWebhooks, orderedWebhooks, webhookResults } from './webhook-deliveries.ts'
import { defaultEndpoint, endedEndpoints, sealedEndpoints, webhookEndpoints } from './webhook-endpoints.ts'
import { webhookLists, webhookReplays } from './webhook-lists.ts'
import { webhookRaces } from './webhook-races.ts'
import { webhookRetries } from './webhook-retries.ts'

export function storeContract(name: string, open: Open): void {
  describe(`the ${name} store`, () => {
    describe('commits', () => {
      atomicCommits(open)
      atomicChanges(open)
      bookedTransfers(open)
      refusedCommits(open)
      concurrentCommits(open)
      sharedGroups(open)
      eventNumbers(open)
      balanceLimits(open)
    })
    describe('steps', () => {
      steps(open)
      changedEndings(open)
      changedColumns(open)
      refusedSteps(open)
    })
    describe('statistics', () => {
      statistics(open)
      statisticQueries(open)
      attention(open)
    })
    describe('the audit log', () => {
      auditLog(open)
      auditLists(open)
    })
    describe('long texts', () => {
      longTexts(open)
    })
    describe('scopes', () => {
      scopesApart(open)
      scopesUntouched(open)
      isolation(open)
    })
    describe('lists', () => {
      pages(open)
      filteredLists(open)
      eventLists(open)
      eventLog(open)
      ledgerLists(open)
    })
    describe('webhooks', () => {
      webhookEndpoints(open)
      sealedEndpoints(open)
      endedEndpoints(open)
      defaultEndpoint(open)
      webhookClaims(open)
      webhookPositions(open)
      webhookResults(open)
      webhookRetries(open)
      dueWebhooks(open)
      longWebhooks(open)
      orderedWebhooks(open)
      webhookLists(open)
      webhookReplays(open)
      webhookRaces(open)
    })
    describe('retention', () => {
      retention(open)
    })
    describe('attempts', () => {
      providerUse(open)
      attemptClaims(open)
      postponements(open)
      attemptLists(open)
      pauses(open)
      references(open)
    })
    describe('disputes', () => disputes(open))
    describe('alarms', () => {
      alarms(open)
      alarmLists(open)
      impossibleRows(open)
    })
    describe('access keys', () => {
      sessions(open)
      accessKeys(open)
      recordedChanges(open)
      rolledKeys(open)
      accessKeyLists(open)
      accountRows(open)
    })
    describe('rule sets', () => ruleSets(open))
    describe('the database itself', () => system(open))
    describe('velocity limits', () => {
      velocityLimits(open)
      concurrentLimits(open)
      purgedCounters(open)
    })
    describe('notifications', () => {
      notifications(open)
      settledNotifications(open)
    })
    describe('idempotency records', () => {
      keyRecords(open)
      purges(open)
    })
    describe('the clock', () => {
      clocks(open)
      lateWork(open)
      heldLeases(open)
      setBackLists(open)
    })
    describe('closing', () => closing(open))
  })
}
