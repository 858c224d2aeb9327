/**
 * What every store must do, whatever it is built on. An adapter's test calls `storeContract` with a way to
 * open an empty store. Times and tokens go in as data, so nothing here waits.
 */
import { describe } from 'node:test'
import {
  atomicChanges,
  atomicCommits,
  concurrentCommits,
  eventNumbers,
  refusedCommits,
  sharedGroups,
} from './commits.ts'
import { claimable, claims, deliveryLists, settlements, staleSettlements } from './deliveries.ts'
import type { Open } from './fixtures.ts'
import { balanceLimits, closing, purges, scopesApart, scopesUntouched } from './limits.ts'
import { eventLists, filteredLists, ledgerLists, pages } from './lists.ts'

export function storeContract(name: string, open: Open): void {
  describe(`the ${name} store`, () => {
    describe('commits', () => {
      atomicCommits(open)
      atomicChanges(open)
      refusedCommits(open)
      concurrentCommits(open)
      sharedGroups(open)
      eventNumbers(open)
      balanceLimits(open)
    })
    describe('scopes', () => {
      scopesApart(open)
      scopesUntouched(open)
    })
    describe('lists', () => {
      pages(open)
      filteredLists(open)
      eventLists(open)
      ledgerLists(open)
    })
    describe('deliveries', () => {
      claims(open)
      claimable(open)
      settlements(open)
      staleSettlements(open)
      deliveryLists(open)
    })
    describe('idempotency records', () => purges(open))
    describe('closing', () => closing(open))
  })
}
