'use client'

import Link from 'next/link'

interface PageNavProps {
  parts: readonly { readonly href: string; readonly label: string; readonly current: boolean }[]
}

/** On a phone there are more parts than room: the current one is always to be seen. */
function showItself(link: HTMLAnchorElement | null): void {
  link?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
}

/** The parts of a page, below its header. */
export function PageNav({ parts }: PageNavProps) {
  return (
    <nav aria-label="Parts of this page" className="shrink-0 border-b">
      {/* What goes on beyond the edge fades there. */}
      <ul className="flex scroll-px-8 scrollbar-none gap-1 overflow-x-auto px-2 max-sm:[mask-image:linear-gradient(to_right,black_calc(100%-2rem),transparent)] max-sm:pr-8 sm:px-3">
        {parts.map(({ current, href, label }) => (
          <li key={href} className="shrink-0">
            <Link
              href={href}
              {...(current && { ref: showItself })}
              prefetch={false}
              aria-current={current ? 'page' : undefined}
              className="relative flex h-11 items-center px-2 text-sm text-muted-foreground transition-colors outline-none after:absolute after:inset-x-2 after:bottom-0 after:h-0.5 after:rounded-full hover:text-foreground focus-visible:rounded-md focus-visible:ring-2 focus-visible:ring-ring focus-visible:ring-inset aria-[current=page]:font-medium aria-[current=page]:text-foreground aria-[current=page]:after:bg-primary"
            >
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
