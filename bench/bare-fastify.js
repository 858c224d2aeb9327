// A Fastify server with one route, started as MiniPay is: in plain JavaScript, with Node's compile cache.
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { default: Fastify } = await import('fastify')
const app = Fastify()
app.get('/health', async () => ({ status: 'ok' }))
const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${JSON.stringify({ address })}\n`)
process.once('SIGTERM', () => process.exit())
