export { Badge, Pill } from './values.ts'
