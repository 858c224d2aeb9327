/**
 * Copies an OpenAPI document with each reference replaced by its target. A schema with a name keeps it as `named`. Throws
 * for a reference without a target. References must not form a circle.
 */
export function withoutReferences<T>(document: T): T {
  const resolved = new Map<string, object>()

  function target(reference: string): object {
    const known = resolved.get(reference)
    if (known) return known
    const names = reference.slice('#/'.length).split('/')
    const found = names.reduce<unknown>(
      (node, name) => (node as Record<string, unknown> | undefined)?.[unescaped(name)],
      document,
    )
    if (!reference.startsWith('#/') || typeof found !== 'object' || found === null)
      throw new Error(`The document has nothing at ${reference}.`)
    const copy = followed(found) as object
    const named = reference.startsWith('#/components/schemas/') ? { ...copy, named: names.at(-1) } : copy
    resolved.set(reference, named)
    return named
  }

  function followed(node: unknown): unknown {
    if (Array.isArray(node)) return node.map(followed)
    if (typeof node !== 'object' || node === null) return node
    const { $ref, ...rest } = node as Record<string, unknown>
    const own = Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, followed(part)]))
    return typeof $ref === 'string' ? { ...target($ref), ...own } : own
  }

  return followed(document) as T
}

/** Undoes the escapes of a JSON pointer (RFC 6901). */
const unescaped = (name: string) => name.replaceAll('~1', '/').replaceAll('~0', '~')
