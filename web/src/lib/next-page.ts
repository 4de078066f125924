const HOME = '/chat'
/** The longest path that is followed, with its query and fragment. */
const MAX_LENGTH = 2000
/** First segments that are not pages to return to: other ways to sign in, and what programs ask for. */
const NOT_PAGES = /^\/(?:sign-in|join|setup|api|v1|mcp|healthz|readyz|metrics|_next)(?:[./]|$)/i
/** URL parsers drop tabs and line breaks and take a backslash for a slash, each in their own way. */
const NOT_PLAIN = /[\p{Cc}\p{White_Space}\\]/u

/** The page to open after the sign-in, from the query of its page. */
export function nextPage(query: string, origin: string): string {
  return ownPage(new URLSearchParams(query).get('next') ?? '', origin) ?? HOME
}

/**
 * A page of this app after URL normalisation; undefined when the text could lead anywhere else. The server has the same
 * function (`http/next_page.rs`), and both are tested with `tests/fixtures/next-page.json`.
 */
export function ownPage(next: string, origin: string): string | undefined {
  if (!next.startsWith('/') || NOT_PLAIN.test(next)) return undefined
  try {
    const url = new URL(next, origin)
    const path = decodeURIComponent(url.pathname)
    const page = url.pathname + url.search + url.hash
    const isOwn = url.origin === origin && url.username === '' && url.password === ''
    // A slash that is written as %2F is one for some proxies.
    const isPlainPath = !/\/\/|[\p{Cc}\\]/u.test(path) && !NOT_PAGES.test(path)
    // What was normalised is read once more by the browser: it has to mean the same.
    const isStable = page.length <= MAX_LENGTH && new URL(page, origin).href === url.href
    return isOwn && isPlainPath && isStable ? page : undefined
  } catch {
    return undefined
  }
}
