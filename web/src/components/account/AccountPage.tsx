import type { ReactNode } from 'react'

import { LogoMark } from '../layout/Logo'

interface AccountPageProps {
  title: string
  description?: ReactNode
  children: ReactNode
  /** What stands below the card. */
  footer?: ReactNode
}

/** A page before the sign-in: the mark, a card, and nothing that leads astray. */
export function AccountPage({ children, description, footer, title }: AccountPageProps) {
  return (
    <main
      id="main"
      className="flex min-h-dvh flex-col items-center px-4 pt-[max(2.5rem,11dvh)] pb-10"
    >
      <div className="flex w-full max-w-[23rem] flex-col gap-6">
        <div className="flex flex-col items-center gap-3 text-center">
          <LogoMark className="size-10 text-primary" />
          <h1 className="text-xl font-semibold tracking-tight text-balance">{title}</h1>
          {description !== undefined && (
            <p className="text-sm leading-6 text-balance text-muted-foreground">{description}</p>
          )}
        </div>
        <div className="flex flex-col gap-4 rounded-2xl border bg-card p-5 shadow-sm sm:p-6">
          {children}
        </div>
        {footer !== undefined && (
          <div className="text-center text-[0.8125rem] leading-5 text-balance text-muted-foreground">
            {footer}
          </div>
        )}
      </div>
    </main>
  )
}
