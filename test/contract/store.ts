/**
 * What every store must do, whatever it is built on. An adapter's test calls `storeContract` with a way to
 * open an empty store. Times and tokens go in as data, so nothing here waits.
 */
import { describe } from 'node:test'
import { atomicCommits, concurrentCommits, refusedCommits } from './commits.ts'
import { claims, deliveryLists, settlements } from './deliveries.ts'
import type { Open } from './fixtures.ts'
import { balanceLimits, closing, purges, scopesApart } from './limits.ts'
import { filteredLists, ledgerLists, pages } from './lists.ts'

export function storeContract(name: string, open: Open): void {
  describe(`the ${name} store`, () => {
    describe('commits', () => {
      atomicCommits(open)
      refusedCommits(open)
      concurrentCommits(open)
      balanceLimits(open)
    })
    describe('keeps scopes apart', () => scopesApart(open))
    describe('lists', () => {
      pages(open)
      filteredLists(open)
      ledgerLists(open)
    })
    describe('deliveries', () => {
      claims(open)
      settlements(open)
      deliveryLists(open)
    })
    describe('idempotency records', () => purges(open))
    describe('closing', () => closing(open))
  })
}
