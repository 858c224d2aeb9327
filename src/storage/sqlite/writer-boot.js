// The first module of the writer's thread: each thread must do this for itself.
import { loadFast } from '../../loading.js'

loadFast()
await import('./writer-thread.ts')
