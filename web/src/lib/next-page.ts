const HOME = '/chat'

/**
 * Where to go after the sign-in, from the query of its page: a place in this app. An address anywhere else would make
 * the page a way to send people where somebody else wants them.
 */
export function nextPage(query: string, origin: string): string {
  const next = new URLSearchParams(query).get('next')
  if (next?.startsWith('/') !== true) return HOME
  try {
    const url = new URL(next, origin)
    const isPage = url.origin === origin && !url.pathname.startsWith('/sign-in')
    return isPage ? url.pathname + url.search + url.hash : HOME
  } catch {
    return HOME
  }
}
