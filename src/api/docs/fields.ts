/** The rows of fields on the reference page: type, description and limits. */
import { escapeHtml, type Parameter, type Schema } from './examples.ts'

/** Text as HTML. Backticks mark `code`; nothing else is marked. */
export function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

export function anchor(text: string): string {
  return escapeHtml(text.toLowerCase().replace(/\W+/g, '-'))
}

export function table(rows: string): string {
  return `<table class="fields"><tbody>${rows}</tbody></table>`
}

export function parameterRow(parameter: Parameter): string {
  const { name, required, description, example, schema } = parameter
  const examples = example === undefined ? schema.examples : [example]
  return row('', name, required === true, {
    ...schema,
    ...(description !== undefined && { description }),
    ...(examples && { examples }),
  })
}

/**
 * One row for each field, and for the fields of its objects, with dotted names. The row of a named schema links to the
 * fields. Responses have all of their fields, so only requests show which are `required`.
 */
export function fieldRows(schema: Schema, asked: boolean, prefix = ''): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, field]) => {
      const inner = field.items ? `${prefix}${name}[].` : `${prefix}${name}.`
      const part = alternative(field.items ?? field)
      const required = schema.required?.includes(name) ?? false
      return (
        row(prefix, name, asked && required, field, !asked && !required) +
        (part.named === undefined ? fieldRows(part, asked, inner) : '')
      )
    })
    .join('')
}

function row(prefix: string, name: string, required: boolean, schema: Schema, optional = false): string {
  const mark = required
    ? '<span class="required">required</span>'
    : optional
      ? '<span class="optional">optional</span>'
      : ''
  const description = shortDescription(schema)
  const notes = limits(schema)
  return `<tr><th scope="row"><span class="name">${prefix && `<b>${escapeHtml(prefix)}</b>`}${escapeHtml(name)}${mark}</span><span class="type">${typeName(schema)}</span></th>
<td>${description ? prose(description) : ''}${notes ? `<div class="limits">${notes}</div>` : ''}</td></tr>`
}

/** The page shows a longer description of a named schema with the schema only. */
const LONG_DESCRIPTION = 200

function shortDescription(schema: Schema): string | undefined {
  const { description, named } = schema
  const text = description ?? schema.anyOf?.find(({ type }) => type !== 'null')?.description
  return named !== undefined && text !== undefined && text.length > LONG_DESCRIPTION ? undefined : text
}

/** The type of a nullable field besides null; any other schema as it is. */
function alternative(schema: Schema): Schema {
  return (schema.named === undefined && schema.anyOf?.find(({ type }) => type !== 'null')) || schema
}

/** A link to the named schema, or the name of the type. */
export function typeName(schema: Schema): string {
  if (schema.named !== undefined)
    return `<a href="#schema-${anchor(schema.named)}">${escapeHtml(schema.named)}</a>`
  if (schema.anyOf)
    return schema.anyOf.map((one) => (one.type === 'null' ? 'null' : typeName(one))).join(' or ')
  if (schema.items) return `array of ${typeName(schema.items)}${schema.items.named === undefined ? 's' : ''}`
  return escapeHtml(schema.format === 'date-time' ? 'RFC 3339 time' : (schema.type ?? 'any'))
}

/** The most values of a named schema that are repeated where it is used. */
const FEW_VALUES = 8

export function limits(nullable: Schema): string {
  const schema = alternative(nullable)
  const notes: string[] = []
  if (schema.enum && (schema.named === undefined || schema.enum.length <= FEW_VALUES))
    notes.push(schema.enum.map((value) => `<code>${escapeHtml(value)}</code>`).join(' '))
  const range = bounds(schema.minimum, schema.maximum) || bounds(schema.minLength, schema.maxLength)
  if (range) notes.push(schema.type === 'string' ? `${range} characters` : range)
  if (schema.default !== undefined)
    notes.push(`default <code>${escapeHtml(JSON.stringify(schema.default))}</code>`)
  const [shown] = nullable.examples ?? schema.examples ?? []
  if (shown !== undefined && shown !== null)
    notes.push(`e.g. <code>${escapeHtml(typeof shown === 'string' ? shown : JSON.stringify(shown))}</code>`)
  return notes.join(' &middot; ')
}

function bounds(min: number | undefined, max: number | undefined): string {
  // Not toLocaleString: its tables take 20 ms to load.
  const text = (value: number) => String(value).replace(/\B(?=(\d{3})+$)/g, ',')
  if (min !== undefined && max !== undefined) return min === max ? text(min) : `${text(min)} to ${text(max)}`
  if (max !== undefined) return `up to ${text(max)}`
  return min === undefined ? '' : `at least ${text(min)}`
}

/** The named schemas, each with its fields or values. */
export function schemaSections(schemas: Readonly<Record<string, Schema>>): string {
  return Object.entries(schemas)
    .map(([name, schema]) => {
      const { description, named: _, ...bare } = schema
      const rows = fieldRows(bare, schema['additionalProperties'] === false)
      const notes = schema.properties ? '' : limits(bare)
      return `<section class="schema" id="schema-${anchor(name)}"><h3><a href="#schema-${anchor(name)}">${escapeHtml(name)}</a></h3>
${description ? `<p>${prose(description)}</p>` : ''}${rows && table(rows)}${notes && `<p class="limits">${notes}</p>`}</section>
`
    })
    .join('')
}
