import type { ClientConfig } from 'pg'

/**
 * The servers that a URL names, each as the driver takes it: `postgres://user:password@one:5432,two:5433/db?…`.
 * The URL's parameters are libpq's (`sslmode`, `sslrootcert`, `application_name` and so on). Throws a sentence for
 * what is no such URL; it never repeats the password.
 */
export function hostsOf(url: string): ClientConfig[] {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^?#]*)?(\?[^#]*)?$/.exec(url)
  if (!match)
    throw new Error('The database URL is not of the form postgres://user:password@host:port/database.')
  const [, user, hosts, path = '', query = ''] = match as unknown as [
    string,
    string | undefined,
    string,
    string?,
    string?,
  ]
  return hosts.split(',').map((host) => ({
    connectionString: `postgres://${user === undefined ? '' : `${user}@`}${host}${path}${query}`,
  }))
}

/** The URL without its password, for logs and messages. */
export function publicUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/?#]*):[^@/?#]*@/, '$1@')
}
