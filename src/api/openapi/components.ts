/** Writes schemas for the OpenAPI document, and collects those with a name. */
import { type Component, componentOf, type Schema } from '../../http/schema.ts'

type Json = Readonly<Record<string, unknown>>

export type Components = {
  /** The schema for the document: a reference if it has a name. */
  write(schema: Schema): Json
  /** Every named schema that was written, by its name, in alphabetical order. */
  schemas(): Record<string, Json>
}

/** The keywords that may stand beside `$ref` (JSON Schema 2020-12, section 8.2.3.1). All others must be the same. */
const BESIDE_REFERENCE: ReadonlySet<string> = new Set(['description', 'examples', 'default'])

export function createComponents(): Components {
  const found = new Map<string, { readonly schema: Schema; readonly written: Json }>()

  function reference(component: Component): string {
    const { name, schema } = component
    const known = found.get(name)
    if (!known) {
      const written = inline(schema)
      found.set(name, { schema, written })
    } else if (known.schema !== schema && JSON.stringify(known.written) !== JSON.stringify(inline(schema)))
      throw new Error(`Two schemas have the name ${name}.`)
    return `#/components/schemas/${name}`
  }

  function write(schema: Schema): Json {
    const component = componentOf(schema)
    const beside = component && differences(schema, component.schema)
    return component && beside ? { $ref: reference(component), ...beside } : inline(schema)
  }

  function inline(schema: Schema): Json {
    return Object.fromEntries(
      Object.entries(asMap(schema)).map(([word, part]) => [word, written(word, part)]),
    )
  }

  function written(word: string, part: unknown): unknown {
    if (word === 'properties')
      return Object.fromEntries(Object.entries(part as object).map(([name, field]) => [name, write(field)]))
    if (word === 'anyOf') return (part as Schema[]).map(write)
    if (word === 'items' || (word === 'additionalProperties' && typeof part === 'object'))
      return write(part as Schema)
    return part
  }

  return {
    write,
    schemas: () =>
      Object.fromEntries(
        [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { written }]) => [name, written]),
      ),
  }
}

/** The keywords in which a copy differs from its named schema; undefined if it differs in more than those. */
function differences(copy: Schema, original: Schema): Json | undefined {
  const words = Object.keys({ ...original, ...copy }).filter((word) => copy[word] !== original[word])
  if (!words.every((word) => word in copy && BESIDE_REFERENCE.has(word))) return undefined
  return Object.fromEntries(words.map((word) => [word, copy[word]]))
}

/** Keys of one pattern, in keywords that client generators know. */
function asMap(schema: Schema): Schema {
  const { patternProperties, additionalProperties, ...rest } = schema
  const [only, ...others] = Object.entries((patternProperties ?? {}) as Record<string, Schema>)
  if (!only || others.length > 0 || additionalProperties !== false) return schema
  const [pattern, values] = only
  return { ...rest, propertyNames: { pattern }, additionalProperties: values }
}
