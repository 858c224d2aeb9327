/** The URL if the text is one of http or https, otherwise null. */
export function httpUrl(text: string): URL | null {
  const url = URL.parse(text)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : null
}
