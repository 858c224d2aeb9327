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
