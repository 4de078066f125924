import { type ReactNode, useId } from 'react'

interface SectionProps {
  title: string
  description?: ReactNode
  /** What stands beside the title. */
  action?: ReactNode
  children: ReactNode
}

/** Settings that belong together, under their name. */
export function Section({ action, children, description, title }: SectionProps) {
  const id = useId()
  return (
    <section aria-labelledby={id} className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
        <div className="flex min-w-0 flex-1 basis-60 flex-col gap-1">
          <h2 id={id} className="text-base font-semibold tracking-tight">
            {title}
          </h2>
          {description !== undefined && (
            <p className="text-[0.8125rem] leading-5 text-pretty text-muted-foreground">
              {description}
            </p>
          )}
        </div>
        {action}
      </div>
      {children}
    </section>
  )
}
