import { Children, type ReactNode } from 'react'

/** Small facts about an item, in one line while there is room. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <p className="flex flex-wrap gap-x-1.5 text-xs leading-5 text-muted-foreground">
      {Children.toArray(children).map((fact, index) => (
        <span key={index} className="inline-flex min-w-0 gap-1.5 [overflow-wrap:anywhere]">
          {index > 0 && <span aria-hidden="true">·</span>}
          <span>{fact}</span>
        </span>
      ))}
    </p>
  )
}
