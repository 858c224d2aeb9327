/** Every provider, a line each. */
export { sandbox } from './sandbox.ts'
