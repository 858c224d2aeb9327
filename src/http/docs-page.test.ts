import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR_CODES } from '../domain/error.ts'
import { escapeHtml } from './docs-examples.ts'
import { docsPage } from './docs-page.ts'
import { errorsOf, openApiDocument } from './openapi.ts'
import { ROUTES } from './routes.ts'

/** The page of the real route table, as the server writes it. */
async function realPage(): Promise<string> {
  return docsPage(JSON.parse(await openApiDocument('1.2.3')))
}

const hostile = `<script>alert("1" & '2')</script>`

/** A document whose every text is hostile. */
const HOSTILE_DOCUMENT = {
  info: { title: hostile, version: hostile, description: `${hostile} \`${hostile}\`` },
  tags: [{ name: hostile }],
  paths: {
    [`/${hostile}/{${hostile}}`]: {
      post: {
        operationId: hostile,
        summary: hostile,
        description: hostile,
        tags: [hostile],
        parameters: [
          { name: hostile, in: 'header', description: hostile, example: hostile, schema: { type: hostile } },
          { name: hostile, in: 'query', schema: { type: 'string', default: hostile, enum: [hostile] } },
        ],
        requestBody: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: [hostile],
                properties: { [hostile]: { type: 'string', description: hostile, examples: [hostile] } },
              },
            },
          },
        },
        responses: {
          200: {
            description: hostile,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: { [hostile]: { type: 'string', examples: [hostile] } },
                },
              },
            },
          },
          [hostile]: {
            description: hostile,
            content: { 'application/json': { schema: {}, example: { code: hostile, error: hostile } } },
          },
        },
      },
    },
  },
}

test('the five characters that mean something in HTML are escaped', () => {
  assert.equal(escapeHtml(`<a href="x">&'</a>`), '&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;')
})

test('no text of the document becomes markup, wherever it stands', () => {
  const page = docsPage(HOSTILE_DOCUMENT)
  assert.ok(page.includes('&lt;script&gt;'))
  assert.doesNotMatch(page, /<script/i)
  for (const [, attribute = ''] of page.matchAll(/(?:id|href|class)="([^"]*)"/g))
    assert.doesNotMatch(attribute, /[<>]/)
})

test('the page holds no script and asks for nothing from elsewhere', async () => {
  const page = await realPage()
  assert.doesNotMatch(page, /<(script|link|img|iframe|object|embed|base|form)\b/i)
  assert.doesNotMatch(page, /\bon[a-z]+=|javascript:|@import|url\(|\bsrc=/i)
  for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) assert.match(href, /^(#|\/openapi\.json$)/)
})

test('every operation stands on the page with its method, path, summary, curl and error codes', async () => {
  const page = await realPage()
  const sections = page.split('<section ').slice(1)
  assert.equal(sections.length, ROUTES.length)
  const common = page.slice(page.indexOf('<h2 id="errors">'))
  for (const route of ROUTES) {
    const path = escapeHtml(route.url.replace(/:(\w+)/g, '{$1}'))
    const section = sections.find(
      (html) =>
        html.replace(/<\/?i>/g, '').includes(`<span class="path">${path}</span>`) &&
        html.includes(`<span class="method ${route.method.toLowerCase()}">`),
    )
    assert.ok(section, `${route.method} ${route.url}`)
    assert.ok(section.includes(escapeHtml(route.summary)), route.url)
    assert.match(section, /<code>curl /)
    for (const code of errorsOf(route))
      assert.ok(
        section.includes(`#error-${code}`) || common.includes(`#error-${code}`),
        `${route.url} ${code}`,
      )
  }
})

test('every error code that a route can answer is told in the table of codes', async () => {
  const page = await realPage()
  for (const code of new Set(ROUTES.flatMap((route) => errorsOf(route))))
    assert.ok(page.includes(`id="error-${code}"`), code)
  assert.ok(page.includes('id="error-card_declined"'))
  assert.ok(page.includes(escapeHtml(ERROR_CODES.already_refunded)))
})

test('body fields are shown with their type, limits, example and whether they are required', async () => {
  const page = await realPage()
  const [, charge = ''] = page.split('id="postCharges"')
  const amount = charge.slice(charge.indexOf('</b>amount'), charge.indexOf('</b>currency'))
  assert.match(amount, /required/)
  assert.match(amount, /integer/)
  assert.match(amount, /1 to 9,007,199,254,740,991/)
  assert.match(amount, /2500/)
})

test('every link within the page leads somewhere, and to one place only', async () => {
  const page = await realPage()
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
  for (const [, target = ''] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target), target)
})
