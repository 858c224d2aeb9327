/** Each place of a request that takes a text, found in the schemas of the operations. */
import type { JsonSchema, Operation, Parts } from './operations.ts'

export type Place = {
  /** Such as `createCharge body metadata.*`. */
  readonly name: string
  readonly operation: Operation
  readonly schema: JsonSchema
  /** A request with this text in the place, and else as little as the operation requires. */
  put(text: string): Parts
}

/** The way to a text within a value: names of properties, `[]` for an item, `*` for a value of a map, `name` for its name. */
type Way = readonly string[]

/** Values that operations require beside the text, by the name of their property. */
export type Samples = Readonly<Record<string, unknown>>

/** Every place of an operation that takes a text of the client's own. */
export function placesOf(operation: Operation, samples: Samples): Place[] {
  const parts = ['path', 'query', 'body'] as const
  return parts.flatMap((part) => {
    const schema = operation.parts[part]
    return waysTo(schema).map(({ way, leaf }) => ({
      name: `${operation.id} ${part} ${way.join('.')}`,
      operation,
      schema: leaf,
      put: (text: string): Parts => {
        const whole = (place: typeof part) =>
          sample(operation.parts[place], place === part ? way : undefined, text)
        const body = operation.parts.body && whole('body')
        return {
          path: whole('path') as object as NonNullable<Parts['path']>,
          query: whole('query') as object as NonNullable<Parts['query']>,
          ...(body !== undefined && { body }),
        }
      },
    }))
  })

  /** Without a way, the text is elsewhere. */
  function sample(schema: JsonSchema | undefined, way: Way | undefined, text: string, name = ''): unknown {
    const [next, ...rest] = way ?? []
    if (way === undefined && name in samples) return samples[name]
    if (schema?.anyOf) return sample(schema.anyOf[0], way, text, name)
    if (schema?.items) return [sample(schema.items, way && rest, text, name)]
    if (schema?.propertyNames) return next === 'name' ? { [text]: 'a value' } : { a_name: text }
    if (schema?.properties) {
      const names = [...new Set([...(schema.required ?? []), ...(next === undefined ? [] : [next])])]
      return Object.fromEntries(
        names.map((one) => [
          one,
          sample(schema.properties?.[one], one === next ? rest : undefined, text, one),
        ]),
      )
    }
    return way && text
  }
}

function waysTo(schema: JsonSchema | undefined, way: Way = []): { way: Way; leaf: JsonSchema }[] {
  if (schema?.anyOf) return schema.anyOf.slice(0, 1).flatMap((one) => waysTo(one, way))
  if (schema?.items) return waysTo(schema.items, [...way, '[]'])
  if (schema?.propertyNames)
    return [
      { way: [...way, 'name'], leaf: { type: 'string', minLength: 1, maxLength: 40 } },
      { way: [...way, '*'], leaf: schema.additionalProperties || {} },
    ]
  if (schema?.properties)
    return Object.entries(schema.properties).flatMap(([name, part]) => waysTo(part, [...way, name]))
  return schema?.type === 'string' && way.length > 0 ? [{ way, leaf: schema }] : []
}
