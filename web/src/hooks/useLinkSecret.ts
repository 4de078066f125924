import { useEffect, useState } from 'react'

/** The secret of the link that led here. */
export type LinkSecret =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | { readonly kind: 'there'; readonly secret: string }

/**
 * Takes the secret of a link (`/join#<secret>`) out of the address, so that it stands neither on the screen nor in the
 * browser's history. The part behind `#` never reaches a server by itself.
 */
export function useLinkSecret(): LinkSecret {
  const [link, setLink] = useState<LinkSecret>({ kind: 'unknown' })

  useEffect(() => {
    const take = () => {
      const secret = window.location.hash.slice(1)
      if (secret !== '') window.history.replaceState(null, '', window.location.pathname)
      setLink((before) =>
        secret !== ''
          ? { kind: 'there', secret }
          : before.kind === 'unknown'
            ? { kind: 'none' }
            : before,
      )
    }
    take()
    // Another link, opened in the same tab, loads no page.
    window.addEventListener('hashchange', take)
    return () => {
      window.removeEventListener('hashchange', take)
    }
  }, [])

  return link
}
