import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserWords } from './browser-words.ts'

test('a browser is named with its system, and not those whose names it also carries', () => {
  const words: Readonly<Record<string, string | null>> = {
    'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0': 'Firefox on Linux',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0':
      'Edge on Windows',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0 Safari/537.36':
      'Chrome on Linux',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1':
      'Safari on iOS',
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36':
      'Chrome on Android',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15':
      'Safari on macOS',
    'Firefox/128.0': 'Firefox',
    'curl/8.8.0': null,
    '': null,
  }
  for (const [agent, expected] of Object.entries(words)) assert.equal(browserWords(agent), expected, agent)
  assert.equal(browserWords(undefined), null)
})

test('no text of a User-Agent is in the words', () => {
  assert.equal(browserWords('<script>Firefox/1 Linux</script>'), 'Firefox on Linux')
})
