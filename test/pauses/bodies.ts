/** Bodies that cost much to read, each as large as a body may be: what hides in them is of another kind each time. */

const LIMIT_BYTES = 256 * 1024
/** As many as the server takes, less those around them. */
const MOST_VALUES = 11_900

type Piece = string | ((i: number) => string)

/** `head`, as many pieces as there is room for, and `tail`; a comma at the end of the last piece is left out. */
function filled(head: string, piece: Piece, tail: string, most = Number.POSITIVE_INFINITY): string {
  const pieces: string[] = []
  let room = LIMIT_BYTES - Buffer.byteLength(head + tail)
  for (let i = 0; i < most; i++) {
    const next = typeof piece === 'string' ? piece : piece(i)
    room -= Buffer.byteLength(next)
    if (room < 0) break
    pieces.push(next)
  }
  return head + pieces.join('').replace(/,$/, '') + tail
}

const text = (piece: Piece) => filled('{"x":"', piece, '"}')
const list = (piece: Piece) => filled('{"x":[', piece, ']}', MOST_VALUES)
const members = (piece: Piece, head = '{', tail = '}') => filled(head, piece, tail, MOST_VALUES)
const METADATA = '{"amount":1,"currency":"usd","customer":"c","metadata":{'
/** Strings as long as they may be and still be searched for cards. */
const texts = (piece: string) => list(`"${piece.repeat(Math.floor(1_990 / piece.length))}",`)

export const HOSTILE_BODIES: Readonly<Record<string, string>> = {
  'lists in lists': '['.repeat(LIMIT_BYTES / 2) + ']'.repeat(LIMIT_BYTES / 2),
  'lists that never end': '['.repeat(LIMIT_BYTES),
  'objects in objects': `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`,
  'objects that never end': filled('', '{"a":', ''),
  'metadata in metadata': `${METADATA}"m":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}}}`,
  'one digit, one space': text('1 '),
  'one digit, one dot': text('1.'),
  digits: text('4'),
  'a number of digits': filled('{"amount":', '9', '}'),
  'a fraction of digits': filled('{"amount":1.', '9', '}'),
  'groups of four digits': text('4000 '),
  'almost card numbers': text('4242424242424241 '),
  'texts of almost card numbers': texts('4242424242424241 '),
  'texts of one digit, one space': texts('1 '),
  'texts of thousands': texts('1,234,567,890,123,'),
  'texts of IBANs': texts('DE89370400440532013000 '),
  'texts of circled digits': texts('①'),
  'texts of telephone numbers': texts('+49 (0) 30 1234 '),
  'many names of digits': members((i) => `"4000 0000 00${i}":"1 2 3",`),
  'twelve digits and a letter, again and again': text('12345678901a'),
  'joiners between digits': text('4\u200d'),
  'escaped digits': text('\\u0034'),
  'escaped backslashes': text('\\\\'),
  'quotes without an end': filled('{"', '\\"', '":1}'),
  'many names': members((i) => `"k${i}":1,`),
  'many short names': members((i) => `"${i.toString(36)}":0,`),
  'many numbers as names': members((i) => `"${(i * 7919) % 4_294_967_290}":1,`),
  'one name again and again': members('"a":1,'),
  'names with a backslash': members((i) => `"a${i}\\\\":1,`),
  'much small metadata': members((i) => `"m${i}":"1",`, METADATA, '}}'),
  'much metadata of numbers': members((i) => `"m${i}":1,`, METADATA, '}}'),
  'much metadata with escapes': members((i) => `"m\\u0031${i}":"1",`, METADATA, '}}'),
  'a thousand faults': filled(METADATA, (i) => `"m${i}":1,`, '}}', 990),
  'a thousand unknown names': filled('{', (i) => `"amoumt${i}":1,`, '}', 990),
  numbers: list('1,'),
  'too many numbers': filled('{"x":[', '1,', ']}'),
  'large numbers': list('9007199254740993,'),
  fractions: list('0.1,'),
  'a fraction among other shapes': `${list((i) => `{"a${i}":1},`).slice(0, -2)},1e5]}`,
  'traced fractions': filled('{"x":[', (i) => `{"a${i}":1.5},`, ']}', 1_990),
  'objects of other shapes': list((i) => `{"a${i}":"\\n"},`),
  'a long text': text('a'),
  spaces: filled('{"amount":1,"currency":"usd","customer":"c"', ' ', '}'),
  'lines before the fault': filled('{"a":1,', '\n', 'x}'),
  'faults of JSON': filled('[', '{"a":1 "b":2}', ']'),
  comments: filled('', '//x\n', ''),
}
