// The first module of the writer's thread: each thread must do this for itself.
import { flushCompileCache } from 'node:module'
import { loadFast } from '../../loading.js'

loadFast()
await import('./writer-thread.ts')
// Now, not at its end: see `allocateYoung`.
flushCompileCache()
