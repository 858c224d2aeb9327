/**
 * JSON Schemas that carry the TypeScript type of their values, for the dozen forms that MiniPay uses. TypeBox does
 * the same, but took 350 ms and 33 MB of the start.
 */

declare const value: unique symbol
const OPTIONAL = Symbol('optional')
const COMPONENT = Symbol('component')

/** A JSON Schema for values of type T. The type is known to the compiler only. */
export type Schema<T = unknown> = { readonly [keyword: string]: unknown } & { readonly [value]?: T }
/** The type of a schema's values. */
export type Static<S> = S extends Schema<infer T> ? T : never

/** The schema of a property that may be absent. */
export type Optional<T> = Schema<T> & { readonly [OPTIONAL]: true }
/** An object whose optional fields may be undefined: JSON leaves those out. */
export type Undefinable<T> = { readonly [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] }

type Properties = Readonly<Record<string, Schema>>
type OptionalKeys<P> = { [K in keyof P]: P[K] extends { readonly [OPTIONAL]: true } ? K : never }[keyof P]
type Flat<T> = { [K in keyof T]: T[K] }
type ObjectOf<P extends Properties> = Flat<
  { [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & { [K in OptionalKeys<P>]?: Static<P[K]> }
>
export type ObjectSchema<T = object, P = Properties> = Schema<T> & { readonly properties: P }

export const string = (keywords: object = {}): Schema<string> => ({ type: 'string', ...keywords })
export const integer = (keywords: object = {}): Schema<number> => ({ type: 'integer', ...keywords })
export const boolean = (): Schema<boolean> => ({ type: 'boolean' })
export const array = <T>(items: Schema<T>): Schema<readonly T[]> => ({ type: 'array', items })
export const optional = <T>(schema: Schema<T>): Optional<T> => ({ ...schema, [OPTIONAL]: true })

/** A schema with a name, under which the OpenAPI document has it once. */
export type Component = { readonly name: string; readonly schema: Schema }

/** Gives a schema a name. A copy of it with another description refers to it, too. */
export function named<S extends Schema>(name: string, schema: S, description?: string): S {
  const described = { ...schema, ...(description !== undefined && { description }) }
  return { ...described, [COMPONENT]: { name, schema: described } satisfies Component }
}

/** The named schema that a schema is, or was copied from. */
export function componentOf(schema: Schema): Component | undefined {
  return (schema as { readonly [COMPONENT]?: Component })[COMPONENT]
}

export const isOptional = (schema: Schema): boolean => OPTIONAL in schema

/** The schema, or null. */
export const nullable = <T>(schema: Schema<T>): Schema<T | null> => ({ anyOf: [schema, { type: 'null' }] })

/** One of these strings. */
export const oneOf = <const T extends string>(values: readonly T[], keywords: object = {}): Schema<T> => ({
  type: 'string',
  enum: [...values],
  ...keywords,
})

/** An object whose keys match a pattern and whose values match a schema. */
export const record = <T>(
  pattern: string,
  values: Schema<T>,
  keywords: object = {},
): Schema<Record<string, T>> => ({
  type: 'object',
  patternProperties: { [pattern]: values },
  additionalProperties: false,
  ...keywords,
})

/** An object with these properties, each required unless it is `optional`. */
export function object<P extends Properties>(
  properties: P,
  keywords: object = {},
): ObjectSchema<ObjectOf<P>, P> {
  const required = Object.keys(properties).filter((name) => !isOptional(properties[name] as Schema))
  return { type: 'object', ...(required.length > 0 && { required }), properties, ...keywords }
}

/** An object that refuses unknown properties. */
export function strict<P extends Properties>(properties: P): ObjectSchema<ObjectOf<P>, P> {
  return object(properties, { additionalProperties: false })
}
