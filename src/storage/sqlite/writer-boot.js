// The first module of the writer's thread, in plain JavaScript: each thread must turn the compile cache on for
// itself, and without it would strip the types anew at every start, which takes 25 MB and 100 ms.
import { enableCompileCache } from 'node:module'

enableCompileCache()
await import('./writer-thread.ts')
