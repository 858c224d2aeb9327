/**
 * `node --import` this to start a server whose writer adds no link to the hash chains, in all its threads: for the
 * benchmark alone. Such a database does not pass `minipay verify`.
 */
import { registerHooks } from 'node:module'

const NO_CHAIN = new URL('./no-chain.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/write-chain.ts') ? { url: NO_CHAIN, shortCircuit: true } : next(specifier, context),
})
