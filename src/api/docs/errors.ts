/** The error codes of the reference page: those of each operation, and the table of all. */
import { type Body, escapeHtml, type Operation, type Parameter } from './examples.ts'
import { prose } from './fields.ts'

export type Call = { readonly method: string; readonly path: string; readonly operation: Operation }
type ErrorRow = { readonly status: string; readonly code: string; readonly meaning: string }

const schemaOf = (body: Body) => body.content?.['application/json']?.schema

/** Whether a response is an error without fields of its own. */
export function isError(body: Body): boolean {
  return schemaOf(body)?.named === 'Error'
}

export function statusMark(status: string): string {
  return `<span class="status${status >= '400' ? ' fail' : ''}">${escapeHtml(status)}</span>`
}

function errorsOf({ operation }: Pick<Call, 'operation'>): ErrorRow[] {
  return Object.entries(operation.responses).flatMap(([status, body]) =>
    [...plainErrors(body), ...richerError(body)].map((error) => ({ status, ...error })),
  )
}

/** The errors whose code has an example. */
function plainErrors({ content }: Body): Omit<ErrorRow, 'status'>[] {
  return Object.entries(content?.['application/json']?.examples ?? {}).flatMap(([name, { value }]) => {
    const { code, error } = Object(value) as { code?: unknown; error?: unknown }
    return code === name ? [{ code: name, meaning: String(error) }] : []
  })
}

/** An error whose response has fields of its own: its schema allows one code only. */
function richerError(body: Body): Omit<ErrorRow, 'status'>[] {
  const [only, ...others] = schemaOf(body)?.properties?.['code']?.enum ?? []
  return only === undefined || others.length > 0 ? [] : [{ code: only, meaning: body.description ?? '' }]
}

/** The codes that every operation can return: the page lists them once. */
export function commonCodes(calls: readonly Call[]): Set<string> {
  const [first, ...others] = calls.map((call) => new Set(errorsOf(call).map(({ code }) => code)))
  return new Set([...(first ?? [])].filter((code) => others.every((codes) => codes.has(code))))
}

export function errorRows(operation: Operation, common: ReadonlySet<string>): string {
  const own = errorsOf({ operation }).filter(({ code }) => !common.has(code))
  const rows = Object.entries(Object.groupBy(own, ({ status }) => status)).map(
    ([status, errors = []]) =>
      `<tr><th scope="row">${statusMark(status)}</th><td>${errors.map(({ code }) => errorLink(code)).join(' ')}</td></tr>`,
  )
  return `<h4>Errors</h4>${rows.length ? `<table class="errors"><tbody>${rows.join('')}</tbody></table>` : ''}
<p class="limits">${rows.length ? 'And those' : 'Those'} of <a href="#errors">every endpoint</a>.</p>`
}

function errorLink(code: string): string {
  return `<a href="#error-${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a>`
}

export function errorTable(calls: readonly Call[], common: ReadonlySet<string>): string {
  const byCode = new Map<string, ErrorRow>()
  for (const call of calls)
    for (const error of errorsOf(call)) if (!byCode.has(error.code)) byCode.set(error.code, error)
  const rows = [...byCode.values()]
    .sort((a, b) => (a.status + a.code < b.status + b.code ? -1 : 1))
    .map(
      ({ status, code, meaning }) =>
        `<tr id="error-${escapeHtml(code)}"><th scope="row">${statusMark(status)}</th><td><code>${escapeHtml(code)}</code></td><td>${prose(meaning)}</td></tr>`,
    )
  return `<h2 id="errors">Error codes</h2>
<p>Every error has the fields of <a href="#schema-error">Error</a>; its <code>code</code> is one of these. Every endpoint can return ${[...common].map(errorLink).join(', ')}.</p>
<table class="errors codes"><tbody>${rows.join('')}</tbody></table>`
}

type Header = Pick<Parameter, 'description' | 'example'>

/** The headers of responses that matter to a client. */
export function headerTable(headers: Readonly<Record<string, Header>>): string {
  const rows = Object.entries(headers).map(
    ([name, { description = '' }]) =>
      `<tr><th scope="row"><span class="name">${escapeHtml(name)}</span></th><td>${prose(description)}</td></tr>`,
  )
  return `<h2 id="headers">Headers of responses</h2><table class="fields"><tbody>${rows.join('')}</tbody></table>`
}
