/** Content negotiation. */

/**
 * The client's preferred one of these types, by the weights and then the order of its Accept header (RFC 9110, 12.5.1).
 * The first type for a client without a preference, or one that accepts none of them.
 */
export async function preferredType(
  accept: string | undefined,
  types: readonly [string, ...string[]],
): Promise<string> {
  if (accept === undefined) return types[0]
  const { default: Negotiator } = await import('negotiator')
  // MiniPay has one version and one character set of each type.
  const bare = accept.replace(/;(?!\s*q=)[^;,]*/gi, '')
  return new Negotiator({ headers: { accept: bare } }).mediaType([...types]) ?? types[0]
}

/**
 * Whether the client prefers gzip to the plain text, by its Accept-Encoding (RFC 9110, 12.5.3). False for one that does
 * not name it, or refuses it by `q=0`.
 */
export async function prefersGzip(acceptEncoding: string | undefined): Promise<boolean> {
  if (acceptEncoding === undefined) return false
  const { default: Negotiator } = await import('negotiator')
  const negotiator = new Negotiator({ headers: { 'accept-encoding': acceptEncoding } })
  return negotiator.encoding(['gzip', 'identity']) === 'gzip'
}
