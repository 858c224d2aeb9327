import {
  type Body,
  coloured,
  curl,
  type ErrorExample,
  escapeHtml,
  example,
  type Operation,
  type Parameter,
  type Schema,
} from './docs-examples.ts'
import { DOCS_STYLE } from './docs-style.ts'

type OpenApi = {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
type Call = { readonly method: string; readonly path: string; readonly operation: Operation }
type ErrorRow = { readonly status: string; readonly code: string; readonly meaning: string }

/** Text of which only `code` between backticks is more than text. */
function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

/** The reference page: the OpenAPI document as one HTML page, without scripts, so that it works anywhere. */
export function docsPage(document: unknown): string {
  const { info, tags, paths } = document as OpenApi
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Call => ({ method, path, operation })),
  )
  const tagged = tags.map(({ name }) => ({
    name,
    calls: calls.filter(({ operation }) => operation.tags.includes(name)),
  }))
  const common = commonCodes(calls)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)} API reference</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the reference</a>
${navigation(info, tagged)}
<main id="main">
<header class="lead"><h1>${escapeHtml(info.title)} API</h1><p>${prose(info.description)}</p>
<p>This page is made from <a href="/openapi.json"><code>/openapi.json</code></a> (OpenAPI 3.1), and that from the schemas that check each request.</p></header>
${tagged.map(({ name, calls }) => `<h2 id="${anchor(name)}">${escapeHtml(name)}</h2>${calls.map((call) => section(call, common)).join('')}`).join('')}
${errorTable(calls, common)}
</main>
</body>
</html>
`
}

function anchor(text: string): string {
  return escapeHtml(text.toLowerCase().replace(/\W+/g, '-'))
}

function navigation(info: OpenApi['info'], tagged: readonly { name: string; calls: readonly Call[] }[]) {
  const item = ({ method, operation }: Call) =>
    `<li><a href="#${escapeHtml(operation.operationId)}">${badge(method)}<span>${escapeHtml(operation.summary)}</span></a></li>`
  const groups = tagged.map(
    ({ name, calls }) => `<h2>${escapeHtml(name)}</h2><ul>${calls.map(item).join('')}</ul>`,
  )
  return `<nav aria-label="Operations"><div class="brand"><a href="#main">${escapeHtml(info.title)}</a><small>${escapeHtml(info.version)}</small></div>
${groups.join('\n')}<h2>More</h2><ul><li><a href="#errors">Error codes</a></li></ul></nav>`
}

function badge(method: string): string {
  return `<span class="method ${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</span>`
}

function section({ method, path, operation }: Call, common: ReadonlySet<string>): string {
  const id = escapeHtml(operation.operationId)
  const shownPath = escapeHtml(path).replace(/\{[^}]*\}/g, '<i>$&</i>')
  const parameters = (place: string, title: string) => {
    const rows = (operation.parameters ?? []).filter((parameter) => parameter.in === place)
    return rows.length === 0 ? '' : `<h4>${title}</h4>${table(rows.map(parameterRow).join(''))}`
  }
  const body = operation.requestBody?.content?.['application/json']?.schema
  return `<section class="operation" id="${id}"><div>
<h3><a href="#${id}">${escapeHtml(operation.summary)}</a></h3>
<div class="call">${badge(method)}<span class="path">${shownPath}</span></div>
${operation.description ? `<p>${prose(operation.description)}</p>` : ''}
${parameters('path', 'In the path')}${parameters('header', 'Headers')}${parameters('query', 'Query')}
${body ? `<h4>Body</h4>${table(fieldRows(body, true))}` : ''}
<h4>Answers</h4>${answers(operation)}${errorRows(operation, common)}
</div><aside>${figure('Request', escapeHtml(curl(method, path, operation)))}${exampleAnswer(operation)}</aside></section>
`
}

function table(rows: string): string {
  return `<table class="fields"><tbody>${rows}</tbody></table>`
}

function parameterRow({ name, required, description, example, schema }: Parameter): string {
  const examples = example === undefined ? schema.examples : [example]
  return row('', name, required === true, {
    ...schema,
    ...(description !== undefined && { description }),
    ...(examples && { examples }),
  })
}

/** One row for each field, and for the fields of its objects, by their dotted names. Answers have all of theirs. */
function fieldRows(schema: Schema, asked: boolean, prefix = ''): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, field]) => {
      const inner = field.items ? `${prefix}${name}[].` : `${prefix}${name}.`
      const required = asked && (schema.required?.includes(name) ?? false)
      return row(prefix, name, required, field) + fieldRows(field.items ?? field, asked, inner)
    })
    .join('')
}

function row(prefix: string, name: string, required: boolean, schema: Schema): string {
  const mark = required ? '<span class="required">required</span>' : ''
  const description = schema.description ?? alternative(schema).description
  const notes = limits(schema)
  return `<tr><th scope="row"><span class="name"><b>${escapeHtml(prefix)}</b>${escapeHtml(name)}${mark}</span><span class="type">${typeName(schema)}</span></th>
<td>${description ? prose(description) : ''}${notes ? `<div class="limits">${notes}</div>` : ''}</td></tr>`
}

/** A nullable field's other type; any other schema as it is. */
function alternative(schema: Schema): Schema {
  return schema.anyOf?.find(({ type }) => type !== 'null') ?? schema
}

function typeName(schema: Schema): string {
  if (schema.anyOf) return `${typeName(alternative(schema))} or null`
  if (schema.items) return `array of ${typeName(schema.items)}s`
  return escapeHtml(schema.format === 'date-time' ? 'RFC 3339 time' : (schema.type ?? 'any'))
}

function limits(nullable: Schema): string {
  const schema = alternative(nullable)
  const notes: string[] = []
  if (schema.enum) notes.push(schema.enum.map((value) => `<code>${escapeHtml(value)}</code>`).join(' '))
  const range = bounds(schema.minimum, schema.maximum) || bounds(schema.minLength, schema.maxLength)
  if (range) notes.push(schema.type === 'string' ? `${range} characters` : range)
  if (schema.default !== undefined)
    notes.push(`default <code>${escapeHtml(JSON.stringify(schema.default))}</code>`)
  const [shown] = schema.examples ?? []
  if (shown !== undefined)
    notes.push(`e.g. <code>${escapeHtml(typeof shown === 'string' ? shown : JSON.stringify(shown))}</code>`)
  return notes.join(' &middot; ')
}

function bounds(min: number | undefined, max: number | undefined): string {
  const text = (value: number) => value.toLocaleString('en-US')
  if (min !== undefined && max !== undefined) return min === max ? text(min) : `${text(min)} to ${text(max)}`
  if (max !== undefined) return `up to ${text(max)}`
  return min === undefined ? '' : `at least ${text(min)}`
}

function isError(body: Body): boolean {
  return errorExamples(body).length > 0
}

function errorExamples(body: Body): ErrorExample[] {
  const content = body.content?.['application/json']
  if (content?.example?.code) return [content.example]
  return Object.values(content?.examples ?? {}).map(({ value }) => value)
}

function answers({ responses }: Operation): string {
  return Object.entries(responses)
    .filter(([, body]) => !isError(body))
    .map(([status, { description = '', content }]) => {
      const rows = fieldRows(content?.['application/json']?.schema ?? {}, false)
      return `<details><summary>${statusMark(status)}${prose(description)}</summary>${rows && table(rows)}</details>`
    })
    .join('')
}

function statusMark(status: string): string {
  return `<span class="status${status >= '400' ? ' fail' : ''}">${escapeHtml(status)}</span>`
}

function errorsOf({ operation }: Pick<Call, 'operation'>): ErrorRow[] {
  return Object.entries(operation.responses).flatMap(([status, body]) =>
    [...errorExamples(body), ...richerError(body)].map(({ code, error }) => ({
      status,
      code,
      meaning: error,
    })),
  )
}

/** An error whose answer has fields of its own: its schema allows one code only. */
function richerError({ description = '', content }: Body): ErrorExample[] {
  const { code } = content?.['application/json']?.schema.properties ?? {}
  const codes = code?.enum ?? []
  return codes.length === 1 ? codes.map((only) => ({ code: only, error: description })) : []
}

/** The codes that every operation can answer, save where it describes that status by itself: told once. */
function commonCodes(calls: readonly Call[]): Set<string> {
  const everywhere = ({ status, code }: ErrorRow) =>
    calls.every((call) => {
      const body = call.operation.responses[status]
      return (
        body !== undefined && (!isError(body) || errorExamples(body).some((error) => error.code === code))
      )
    })
  return new Set(
    calls
      .flatMap(errorsOf)
      .filter(everywhere)
      .map(({ code }) => code),
  )
}

function errorRows(operation: Operation, common: ReadonlySet<string>): string {
  const own = errorsOf({ operation }).filter(({ code }) => !common.has(code))
  const rows = Object.entries(Object.groupBy(own, ({ status }) => status)).map(
    ([status, errors = []]) =>
      `<tr><th scope="row">${statusMark(status)}</th><td>${errors.map(({ code }) => errorLink(code)).join(' ')}</td></tr>`,
  )
  return `<h4>Errors</h4>${rows.length ? `<table class="errors"><tbody>${rows.join('')}</tbody></table>` : ''}
<p class="limits">${rows.length ? 'And those' : 'Those'} of <a href="#errors">every route</a>.</p>`
}

function errorLink(code: string): string {
  return `<a href="#error-${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a>`
}

function errorTable(calls: readonly Call[], common: ReadonlySet<string>): string {
  const byCode = new Map(calls.flatMap((call) => errorsOf(call).map((error) => [error.code, error] as const)))
  const rows = [...byCode.values()]
    .sort((a, b) => a.status.localeCompare(b.status) || a.code.localeCompare(b.code))
    .map(
      ({ status, code, meaning }) =>
        `<tr id="error-${escapeHtml(code)}"><th scope="row">${statusMark(status)}</th><td><code>${escapeHtml(code)}</code></td><td>${prose(meaning)}</td></tr>`,
    )
  return `<h2 id="errors">Error codes</h2>
<p>Every error is an object with <code>error</code>, a sentence for people, <code>code</code>, one of these, <code>param</code> where one is to blame, and <code>request_id</code>. Every route can answer ${[...common].map(errorLink).join(', ')}.</p>
<table class="errors codes"><tbody>${rows.join('')}</tbody></table>`
}

function exampleAnswer({ responses }: Operation): string {
  const success = Object.entries(responses).findLast(([status]) => status.startsWith('2'))
  const schema = success?.[1].content?.['application/json']?.schema
  return success && schema ? figure(`Answer ${success[0]}`, coloured(example(schema))) : ''
}

function figure(title: string, html: string): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><pre><code>${html}</code></pre></figure>`
}
