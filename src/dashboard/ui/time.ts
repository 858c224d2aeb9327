export { Time } from './values.ts'
