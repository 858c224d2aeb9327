/** `/openapi.json` and `/docs`: made once, in a thread of their own, since that takes a tenth of a second. */
import { Worker } from 'node:worker_threads'
import { openApiDocument } from '../openapi/document.ts'
import { docsPage } from './page.ts'

export type Documents = { readonly openApi: string; readonly page: string }

/** Both documents of this version as they are sent; made when they are first asked for. */
export function documentsOf(version: string): () => Promise<{ openApi: Buffer; page: Buffer }> {
  let made: Promise<{ openApi: Buffer; page: Buffer }> | undefined
  return () => {
    // Without a free descriptor there is no thread: then others wait for once.
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
    const thread = new Worker(new URL('./documents-thread.js', import.meta.url), { workerData: version })
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error('The thread ended without the documents.')))
  })
}
