/** In place of `storage/sqlite/write-chain`: see `without-chains.ts`. */
import type { Chain } from '../src/storage/sqlite/write-chain.ts'

export const chainWrites = (): Chain => ({ add() {}, flush() {}, reset() {} })
