import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordset } from './recordset.ts'

const TEXTS = recordset<string | null>({ text: ['text', (text) => text] })

/** Reads an array of texts as PostgreSQL does: in quotes, a backslash makes the next character an ordinary one. */
function readBack(array: string): (string | null)[] {
  const items = array.slice(1, -1).match(/NULL|"(?:\\[\s\S]|[^"\\])*"/g) ?? []
  return items.map((item) => (item === 'NULL' ? null : item.slice(1, -1).replace(/\\([\s\S])/g, '$1')))
}

test('an array has every text as it is, with any characters', () => {
  const texts = [
    '',
    null,
    'NULL',
    'plain, {with} commas',
    'back\\slash',
    '{"json":"with \\"quotes\\" and \\n"}',
    'a "quote" and a\nnew line,\ttab and \u0001',
    'a "quote" and \u{1f600}',
    'a "quote" and half a pair \ud83d',
    'a "quote", \u007f, \u2028 and é',
    '\\"',
  ]
  const [array] = TEXTS.values(texts)
  assert.deepEqual(readBack(String(array)), texts)
})

test('each column is an array of its own, with the parameters that follow those of the scope', () => {
  const { from, scoped, columns } = recordset<{ id: string; version: number }>({
    id: ['text', ({ id }) => id],
    version: ['integer', ({ version }) => version],
  })
  assert.equal(columns, 'id, version')
  assert.equal(from, '(SELECT unnest($3::text[]) AS id, unnest($4::integer[]) AS version) AS r')
  assert.match(
    scoped,
    /^\(SELECT \$1::integer AS account_id, \$2::smallint AS live, unnest\(\$3.* OFFSET 0\) AS r$/,
  )
})
