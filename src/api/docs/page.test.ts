import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHARGE_STATUSES } from '../../domain/charge.ts'
import { ERROR_CODES } from '../../domain/error.ts'
import { ENDPOINTS } from '../endpoints.ts'
import { errorsOf, openApiDocument } from '../openapi/document.ts'
import { escapeHtml } from './examples.ts'
import { docsPage } from './page.ts'
import { withoutReferences } from './references.ts'

/** The page of the real endpoint table, as the server writes it. */
async function realPage(): Promise<string> {
  return docsPage(JSON.parse(openApiDocument('1.2.3')))
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
        security: [{ [hostile]: [hostile] }],
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
                properties: {
                  [hostile]: { type: 'string', description: hostile, examples: [hostile] },
                  named: { $ref: `#/components/schemas/${hostile.replace('/', '~1')}` },
                },
              },
              examples: { [hostile]: { value: { [hostile]: hostile } } },
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
            content: {
              'application/json': {
                schema: { $ref: '#/components/schemas/Error' },
                examples: { [hostile]: { value: { code: hostile, error: hostile } } },
              },
            },
          },
        },
      },
    },
  },
  webhooks: {
    [hostile]: {
      post: {
        operationId: hostile,
        summary: hostile,
        description: hostile,
        tags: [hostile],
        requestBody: {
          content: { 'application/json': { schema: {}, examples: { a: { value: hostile } } } },
        },
        responses: { [hostile]: { description: hostile } },
      },
    },
  },
  components: {
    schemas: {
      Error: { type: 'object', description: hostile },
      [hostile]: { type: 'string', enum: [hostile], description: hostile },
    },
    headers: { [hostile]: { description: hostile, example: hostile } },
  },
}

test('the five characters that mean something in HTML are escaped', () => {
  assert.equal(escapeHtml(`<a href="x">&'</a>`), '&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;')
})

test('no text of the document becomes markup, wherever it stands', async () => {
  const page = await docsPage(HOSTILE_DOCUMENT)
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

test('every operation is on the page with its method, path, summary, curl and error codes', async () => {
  const page = await realPage()
  const sections = page.split('<section ').filter((html) => /^class="operation" id=/.test(html))
  assert.equal(sections.length, ENDPOINTS.length)
  const common = page.slice(page.indexOf('<h2 id="errors">'))
  for (const endpoint of ENDPOINTS) {
    const path = escapeHtml(endpoint.url.replace(/:(\w+)/g, '{$1}'))
    const section = sections.find(
      (html) =>
        html.replace(/<\/?i>/g, '').includes(`<span class="path">${path}</span>`) &&
        html.includes(`<span class="method ${endpoint.method.toLowerCase()}">`),
    )
    assert.ok(section, `${endpoint.method} ${endpoint.url}`)
    assert.ok(section.includes(escapeHtml(endpoint.summary)), endpoint.url)
    assert.match(section, /<code>curl /)
    for (const code of errorsOf(endpoint))
      assert.ok(
        section.includes(`#error-${code}`) || common.includes(`#error-${code}`),
        `${endpoint.url} ${code}`,
      )
  }
})

test('every error code that an endpoint can return is in the table of codes', async () => {
  const page = await realPage()
  for (const code of new Set(ENDPOINTS.flatMap((endpoint) => errorsOf(endpoint))))
    assert.ok(page.includes(`id="error-${code}"`), code)
  assert.ok(page.includes('id="error-card_declined"'))
  assert.ok(page.includes(escapeHtml(ERROR_CODES.already_refunded)))
})

test('body fields are shown with their type, limits, example and whether they are required', async () => {
  const page = await realPage()
  const [, charge = ''] = page.split('id="createCharge"')
  const amount = charge.slice(charge.indexOf('>amount<'), charge.indexOf('>currency<'))
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

test('named schemas have a section each, and what is of their type leads there', async () => {
  const page = await realPage()
  const at = page.indexOf('<h2 id="schemas">')
  const schemas = page.slice(at)
  for (const name of ['Charge', 'Refund', 'Event', 'Error', 'ErrorCode', 'ChargeWebhook']) {
    assert.ok(schemas.includes(`id="schema-${name.toLowerCase()}"`), name)
    assert.ok(page.includes(`href="#schema-${name.toLowerCase()}"`), name)
  }
  const charge = schemas.slice(schemas.indexOf('id="schema-charge"'))
  for (const status of CHARGE_STATUSES) assert.ok(charge.includes(`<code>${status}</code>`), status)
})

test('the usual response of an operation comes first, and is the one that is shown', async () => {
  const page = await realPage()
  for (const { id, responses } of ENDPOINTS) {
    const [, html = ''] = page.split(`id="${id}"`)
    const [usual] = 201 in responses ? ['201'] : Object.keys(responses)
    const section = html.slice(0, html.indexOf('</section>'))
    assert.match(section, new RegExp(`<h4>Responses</h4><table[^>]*><tbody><tr>.*?>${usual}<`), id)
    assert.ok(section.includes(`<figcaption>Response ${usual}</figcaption>`), id)
  }
})

test('every operation shows its permission, or that it needs no key', async () => {
  const page = await realPage()
  for (const { id, permission } of ENDPOINTS) {
    const [, html = ''] = page.split(`<section class="operation" id="${id}"`)
    const open = { any: 'Any API key.', null: 'Needs no API key.' }[String(permission)]
    const shown = open ?? `Permission: <code>${permission}</code>`
    assert.ok(html.slice(0, html.indexOf('</section>')).includes(shown), id)
  }
})

test('a reference that leads nowhere is an error, not a gap in the page', () => {
  assert.throws(() => withoutReferences({ a: { $ref: '#/components/schemas/Nothing' } }), /Nothing/)
})
