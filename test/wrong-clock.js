/** Loaded before a program: shifts its clock by as many ms as the file says that TEST_CLOCK names. Threads see it too. */
import { readFileSync } from 'node:fs'

const file = process.env['TEST_CLOCK']
const RealDate = Date
const now = () => RealDate.now() + Number(readFileSync(file, 'utf8'))

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }
  static now() {
    return now()
  }
}
