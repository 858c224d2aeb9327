import type { ClientConfig } from 'pg'
import { connectionStrings, partsOf, type UrlParts, urlProblem } from '../../database-name.ts'

/**
 * The servers in a URL, each in the driver's form: `postgres://user:password@one:5432,two:5433/db?…`. The URL's
 * parameters are libpq's (`sslmode`, `sslrootcert`, `application_name` and so on). Throws a sentence for an invalid
 * URL; the sentence repeats no part of it.
 */
export function hostsOf(url: string): ClientConfig[] {
  const problem = urlProblem(url)
  if (problem !== undefined) throw new Error(`The database URL ${problem}.`)
  return connectionStrings(partsOf(url) as UrlParts).map((connectionString) => ({ connectionString }))
}
