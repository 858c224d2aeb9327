// The thread that makes the documents, in plain JavaScript: each thread must turn the compile cache on for itself.
import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'

enableCompileCache()
const { makeDocuments } = await import('./documents.ts')
parentPort?.postMessage(await makeDocuments(workerData))
