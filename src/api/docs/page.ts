import { type Call, commonCodes, errorRows, errorTable, headerTable, isError, statusMark } from './errors.ts'
import {
  coloured,
  curl,
  escapeHtml,
  exampleOf,
  type Operation,
  type Parameter,
  type Schema,
} from './examples.ts'
import { anchor, fieldRows, parameterRow, prose, schemaSections, table, typeName } from './fields.ts'
import { withoutReferences } from './references.ts'
import { DOCS_STYLE } from './style.ts'

type OpenApi = {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly tags: readonly Tag[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly webhooks: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly headers: Readonly<Record<string, Pick<Parameter, 'description' | 'example'>>>
  }
}
type Tag = { readonly name: string; readonly description?: string }
type Group = Tag & { readonly calls: readonly Call[] }

/** Lets waiting requests run first, because the whole page takes tens of ms. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The reference page: the OpenAPI document as one HTML page, without scripts, so that it works anywhere. */
export async function docsPage(document: unknown): Promise<string> {
  const { info, tags, paths, webhooks, components } = withoutReferences(document as OpenApi)
  const calls = callsOf(paths)
  const groups = tags.map((tag) => ({
    ...tag,
    calls: calls.filter(({ operation }) => operation.tags.includes(tag.name)),
  }))
  const common = commonCodes(calls)
  const sections: string[] = []
  for (const group of groups) {
    await turn()
    sections.push(heading(group), ...group.calls.map((call) => section(call, common)))
  }
  await turn()
  const reference = schemaSections(shown(components.schemas, calls))
  await turn()
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
${navigation(info, groups)}
<main id="main">
<header class="lead"><h1>${escapeHtml(info.title)} API</h1>${paragraphs(info.description)}
<p>This page is generated from <a href="/openapi.json"><code>/openapi.json</code></a> (OpenAPI 3.1), which is generated from the schemas that check each request. Generate a client from it.</p></header>
${sections.join('')}
${webhookSection(webhooks)}
${headerTable(components.headers)}
${errorTable(calls, common)}
<h2 id="schemas">Schemas</h2>
${reference}
</main>
</body>
</html>
`
}

function callsOf(paths: OpenApi['paths']): Call[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
}

function paragraphs(text: string): string {
  return text
    .split('\n\n')
    .map((part) => `<p>${prose(part)}</p>`)
    .join('')
}

function heading({ name, description }: Tag): string {
  return `<h2 id="${anchor(name)}">${escapeHtml(name)}</h2>${description ? `<p>${prose(description)}</p>` : ''}`
}

function navigation(info: OpenApi['info'], groups: readonly Group[]) {
  const item = ({ method, operation }: Call) =>
    `<li><a href="#${escapeHtml(operation.operationId)}">${badge(method)}<span>${escapeHtml(operation.summary)}</span></a></li>`
  const lists = groups.map(
    ({ name, calls }) => `<h2>${escapeHtml(name)}</h2><ul>${calls.map(item).join('')}</ul>`,
  )
  const more = Object.entries({
    webhooks: 'Webhooks',
    headers: 'Headers of responses',
    errors: 'Error codes',
    schemas: 'Schemas',
  }).map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`)
  return `<nav aria-label="Operations"><div class="brand"><a href="#main">${escapeHtml(info.title)}</a><small>${escapeHtml(info.version)}</small></div>
${lists.join('\n')}<h2>More</h2><ul>${more.join('')}</ul></nav>`
}

function badge(method: string): string {
  return `<span class="method ${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</span>`
}

function section({ method, path, operation }: Call, common: ReadonlySet<string>): string {
  const id = escapeHtml(operation.operationId)
  const shownPath = escapeHtml(path).replace(/\{[^}]*\}/g, '<i>$&</i>')
  return `<section class="operation" id="${id}"><div>
<h3><a href="#${id}">${escapeHtml(operation.summary)}</a></h3>
<div class="call">${badge(method)}<span class="path">${shownPath}</span></div>
${operation.description ? `<p>${prose(operation.description)}</p>` : ''}
${permissionOf(operation)}
${parameters(operation, 'path', 'In the path')}${parameters(operation, 'header', 'Headers')}${parameters(operation, 'query', 'Query')}
${body(operation)}
<h4>Responses</h4>${responsesOf(operation)}${errorRows(operation, common)}
</div><aside>${figure('Request', escapeHtml(curl(method, path, operation)))}${exampleResponse(operation)}</aside></section>
`
}

function permissionOf({ security = [] }: Operation): string {
  const [permission] = Object.values(security[0] ?? {}).flat()
  if (security.length > 0 && permission === undefined) return '<p class="limits">Any API key.</p>'
  const words =
    permission === undefined ? 'Needs no API key.' : `Permission: <code>${escapeHtml(permission)}</code>`
  return `<p class="limits">${words}</p>`
}

function parameters({ parameters = [] }: Operation, place: string, title: string): string {
  const rows = parameters.filter((parameter) => parameter.in === place).map(parameterRow)
  return rows.length === 0 ? '' : `<h4>${title}</h4>${table(rows.join(''))}`
}

function body({ requestBody }: Operation): string {
  const schema = requestBody?.content?.['application/json']?.schema
  if (!requestBody || !schema) return ''
  const rows = fieldRows(schema, true)
  const note = requestBody.description ?? (rows ? '' : 'Empty, or an empty object.')
  return `<h4>Body</h4>${note && `<p>${prose(note)}</p>`}${rows && table(rows)}`
}

/** The responses without an error, the usual one first. */
function usualFirst({ responses }: Operation) {
  const rank = (status: string) => (status === '201' ? '' : status)
  return Object.entries(responses).sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1))
}

function responsesOf(operation: Operation): string {
  const rows = usualFirst(operation)
    .filter(([, body]) => !isError(body))
    .map(([status, { description = '', content }]) => {
      const schema = content?.['application/json']?.schema
      const type =
        schema && Object.keys(schema).length > 0 ? `<span class="type">${typeName(schema)}</span>` : ''
      return `<tr><th scope="row">${statusMark(status)}</th><td>${prose(description)}${type}</td></tr>`
    })
  return `<table class="errors"><tbody>${rows.join('')}</tbody></table>`
}

function exampleResponse(operation: Operation): string {
  const usual = usualFirst(operation).find(([status]) => status.startsWith('2'))
  if (!usual) return ''
  const [status, body] = usual
  const value = exampleOf(body)
  return value === undefined ? '' : figure(`Response ${status}`, coloured(value))
}

function figure(title: string, html: string): string {
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><pre><code>${html}</code></pre></figure>`
}

/** The webhooks: one section, because their requests differ in their bodies only. */
function webhookSection(webhooks: OpenApi['webhooks']): string {
  const hooks = Object.entries(webhooks).flatMap(([type, methods]) =>
    Object.values(methods).map((operation) => ({ type, operation })),
  )
  const [first] = hooks
  if (!first) return ''
  const rows = hooks.map(({ type, operation: { description = '', requestBody } }) => {
    const schema = requestBody?.content?.['application/json']?.schema
    return `<tr><th scope="row"><span class="name">${escapeHtml(type)}</span><span class="type">${schema ? typeName(schema) : ''}</span></th><td>${prose(description)}</td></tr>`
  })
  const example = first.operation.requestBody && exampleOf(first.operation.requestBody)
  return `<h2 id="webhooks">Webhooks</h2><p>MiniPay posts each event to your receiver, with these headers and the body of its type.</p>
<section class="operation"><div>${parameters(first.operation, 'header', 'Headers')}<h4>Events</h4>${table(rows.join(''))}
<h4>Your response</h4>${responsesOf(first.operation)}</div><aside>${figure(`Body of ${first.type}`, coloured(example ?? {}))}</aside></section>`
}

/** The schemas that links lead to. The page shows a request's own schema with its operation. */
function shown(schemas: OpenApi['components']['schemas'], calls: readonly Call[]) {
  const requests = new Set(
    calls.map(({ operation }) => operation.requestBody?.content?.['application/json']?.schema.named),
  )
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => !requests.has(name)))
}
