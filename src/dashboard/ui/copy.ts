export { CopyButton, Id } from './values.ts'
