import type { ReactNode } from 'react'

import { COMPOSER_ID } from '../composer-id'

/** Where the first Tab on the page leads. */
export interface Skip {
  readonly target: string
  readonly label: string
}

interface ShellFrameProps {
  skip?: Skip
  sidebar: 'open' | 'collapsed'
  panel: ReactNode
  header: ReactNode
  children: ReactNode
}

const TO_COMPOSER: Skip = { target: COMPOSER_ID, label: 'Skip to the message field' }

/** Where things stand. Shared by the page and by what is served before its script has run. */
export function ShellFrame({
  skip = TO_COMPOSER,
  sidebar,
  panel,
  header,
  children,
}: ShellFrameProps) {
  return (
    <div className="flex h-dvh overflow-hidden">
      <a
        href={`#${skip.target}`}
        className="sr-only z-50 rounded-md bg-primary px-4 py-2 text-sm font-medium text-primary-foreground focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
      >
        {skip.label}
      </a>
      <nav
        aria-label="Conversations"
        // The look follows `data-sidebar` of the root element, which is there before the first paint.
        inert={sidebar === 'collapsed'}
        className="w-(--sidebar-width) shrink-0 overflow-hidden border-r border-sidebar-border bg-sidebar text-sidebar-foreground transition-[margin] duration-200 ease-out in-data-[sidebar=collapsed]:invisible in-data-[sidebar=collapsed]:-ml-(--sidebar-width) in-data-[sidebar=collapsed]:[transition:margin_200ms_ease-out,visibility_0s_200ms] max-lg:hidden"
      >
        {panel}
      </nav>
      <div className="flex min-w-0 flex-1 flex-col">
        {header}
        {/* A browser may paint what has arrived of a page; what is centred would move with the rest. */}
        <main
          id="main"
          className="flex min-h-0 flex-1 flex-col not-has-[+[data-arrived]]:invisible"
        >
          {children}
        </main>
        <span hidden data-arrived="" />
      </div>
    </div>
  )
}
