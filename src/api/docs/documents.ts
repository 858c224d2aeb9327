/** `/openapi.json` and `/docs`. A thread makes both once, because that takes a tenth of a second. */
import { Worker } from 'node:worker_threads'
import type { Reply, ServedEndpoint } from '../../http/endpoint.ts'
import { openApiDocument } from '../openapi/document.ts'
import { docsPage } from './page.ts'

/** The page has its styles inside, and no scripts, pictures, frames or forms. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export type Documents = { readonly openApi: string; readonly page: string }

/** The endpoints that serve the documentation of this version. */
export function documentation(version: string): ServedEndpoint[] {
  const documents = documentsOf(version)
  return [
    {
      ...{ method: 'GET', url: '/docs', permission: null, slow: true },
      async handle(_request, reply) {
        reply.header('content-security-policy', PAGE_POLICY)
        return send(reply, 'text/html; charset=utf-8', (await documents()).page)
      },
    },
    {
      ...{ method: 'GET', url: '/openapi.json', permission: null, slow: true },
      handle: async (_request, reply) =>
        send(reply, 'application/json; charset=utf-8', (await documents()).openApi),
    },
  ]
}

function send(reply: Reply, type: string, document: Buffer): Reply {
  return reply.header('content-type', type).header('cache-control', 'no-cache').send(document)
}

/** Makes both documents at the first call; every call gets the same ones. */
function documentsOf(version: string): () => Promise<{ openApi: Buffer; page: Buffer }> {
  let made: Promise<{ openApi: Buffer; page: Buffer }> | undefined
  return () => {
    // Without a free file descriptor no thread starts. Then this thread makes them, and other requests wait once.
    made ??= madeApart(version)
      .catch(() => makeDocuments(version))
      .then(({ openApi, page }) => ({ openApi: Buffer.from(`${openApi}\n`), page: Buffer.from(page) }))
    return made
  }
}

export async function makeDocuments(version: string): Promise<Documents> {
  const openApi = openApiDocument(version)
  return { openApi, page: await docsPage(JSON.parse(openApi)) }
}

function madeApart(version: string): Promise<Documents> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./thread.js', import.meta.url), { workerData: version })
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error('The thread ended without the documents.')))
  })
}
