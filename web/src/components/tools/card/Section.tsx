import type { ReactNode } from 'react'

/** A titled piece of a card. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={title} className="min-w-0">
      <p aria-hidden="true" className="mb-1 text-xs font-medium text-muted-foreground">
        {title}
      </p>
      {children}
    </div>
  )
}
