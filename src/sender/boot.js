// The first module of the sender's thread: each thread must do this for itself.
import { flushCompileCache } from 'node:module'
import { loadFast } from '../loading.js'

loadFast()
await import('./thread.ts')
flushCompileCache()
