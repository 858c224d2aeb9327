/** undici's pool of connections: it alone takes 11 MB and 25 ms to load; with fetch, caches and mocks, 26 MB and 70 ms. */
import { createRequire } from 'node:module'
import type { Pool } from 'undici'

/** Loads the pool at its first use, or before. Throws if no file descriptor is free. */
export function loadPool(): typeof Pool {
  return createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof Pool
}
