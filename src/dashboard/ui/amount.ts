export { Amount } from './values.ts'
