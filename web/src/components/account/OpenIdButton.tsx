import { KeyRound } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { nextPage } from '@/lib/next-page'

/** The way in through an OpenID Connect provider. It leaves the page, so it is a link. */
export function OpenIdButton({ provider }: { provider: string }) {
  return (
    <>
      <div className="flex items-center gap-3 text-xs text-muted-foreground">
        <span className="h-px flex-1 bg-border" />
        or
        <span className="h-px flex-1 bg-border" />
      </div>
      <Button asChild variant="outline" className="h-10 max-lg:h-11">
        <a
          href="/api/auth/open-id"
          onClick={(event) => {
            // Where the person was going is known in the browser only.
            const { origin, search } = window.location
            const next = new URLSearchParams({ next: nextPage(search, origin) })
            event.currentTarget.search = next.toString()
          }}
        >
          <KeyRound aria-hidden="true" className="text-muted-foreground" />
          <span className="truncate">Continue with {provider}</span>
        </a>
      </Button>
    </>
  )
}
