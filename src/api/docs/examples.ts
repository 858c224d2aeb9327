/** The parts of JSON Schema and of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) that our document uses. */
export type Schema = {
  /** Its name in the document's references. */
  readonly named?: string
  readonly type?: string
  readonly description?: string
  readonly format?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxProperties?: number
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: boolean | Schema
}
export type Parameter = {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, Example>>
  readonly schema: Schema
}
export type Example = { readonly summary?: string; readonly value: unknown }
type Content = {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, Example>>
}
export type Body = {
  readonly description?: string
  readonly headers?: object
  readonly content?: { readonly 'application/json'?: Content }
}
export type Operation = {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  /** The permission, as the only name of each scheme. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Body
  readonly responses: Readonly<Record<string, Body>>
}
const HOST = 'http://127.0.0.1:8080'
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes text for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] as string)
}

/** The first example of a body, or one made from its schema. */
export function exampleOf(body: Body): unknown {
  const [{ schema, examples } = {}] = Object.values(body.content ?? {})
  const [first] = Object.values(examples ?? {})
  return first ? first.value : schema && example(schema)
}

/** A value that fits the schema: its own example, or one made from its parts. */
export function example(schema: Schema): unknown {
  if (schema.examples) return schema.examples[0]
  if (schema.anyOf) return null
  if (schema.enum) return schema.enum[0]
  if (schema.items) return [example(schema.items)]
  if (schema.type === 'object') return exampleObject(schema)
  if (schema.type === 'integer') return schema.default ?? schema.minimum ?? 0
  return schema.type === 'boolean' ? false : 'text'
}

function exampleObject({ properties = {} }: Schema) {
  return Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, example(field)]))
}

/** The operation as a shell command. An id in the path is a variable. */
export function curl(method: string, path: string, operation: Operation): string {
  const { operationId, parameters = [], requestBody } = operation
  const query = parameters
    .filter(({ in: place, schema }) => place === 'query' && schema.default !== undefined)
    .map(({ name, schema }) => `${name}=${schema.default}`)
  const url = HOST + path.replace(/\{(\w+)\}/g, (_, name) => `$${name.toUpperCase()}`)
  const lines = [query.length ? `curl '${url}?${query.join('&')}'` : `curl ${url}`]
  const body = requestBody && exampleOf(requestBody)
  const sent = body !== undefined && Object.keys(Object(body)).length > 0
  if (method === 'post' ? !sent : method !== 'get') lines[0] = `curl -X ${method.toUpperCase()} ${url}`
  if (sent) lines.push(`-H 'Content-Type: application/json'`)
  for (const { name, in: place, example, examples } of parameters) {
    const value = examples?.[operationId]?.value ?? example
    if (place === 'header' && value !== undefined) lines.push(`-H '${name}: ${value}'`)
  }
  if (sent) lines.push(`-d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`)
  return lines.join(' \\\n  ')
}

/** JSON with its keys, strings and other values marked for the style; a text as it is. */
export function coloured(value: unknown): string {
  if (typeof value === 'string') return escapeHtml(value)
  return escapeHtml(JSON.stringify(value, null, 2)).replace(
    /(&quot;(?:(?!&quot;).)*&quot;)(:?)|\b(?:true|false|null|-?\d+)\b/g,
    (token, string: string | undefined, colon: string) =>
      string
        ? `<span class="${colon ? 'key' : 'string'}">${string}</span>${colon}`
        : `<span class="literal">${token}</span>`,
  )
}
