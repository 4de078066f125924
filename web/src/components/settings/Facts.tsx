import { Children, type ReactNode } from 'react'

/** Small facts about an item, side by side while there is room. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <p className="flex flex-wrap gap-x-3 text-xs leading-5 text-muted-foreground">
      {Children.toArray(children).map((fact, index) => (
        <span key={index} className="min-w-0 [overflow-wrap:anywhere]">
          {fact}
        </span>
      ))}
    </p>
  )
}
