/** Validators of stored responses (RFC 9110, 8.8.3 and 13.1.2). */

const ENTITY_TAG = /(?:W\/)?("[^"]*")/g

/**
 * Whether a client that sends this If-None-Match has the representation with this entity tag: then 304 is enough. The
 * comparison is weak, so proxies may have made a strong tag weak on the way.
 */
export function hasRepresentation(ifNoneMatch: string | undefined, entityTag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const own = entityTag.replace(/^W\//, '')
  return ifNoneMatch.trim() === '*' || [...ifNoneMatch.matchAll(ENTITY_TAG)].some(([, tag]) => tag === own)
}
