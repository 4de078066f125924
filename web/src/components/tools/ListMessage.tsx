import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

interface ListMessageProps {
  Icon: LucideIcon
  title: string
  children?: ReactNode
  /** What can be done about it. */
  action?: ReactNode
  role?: 'alert' | 'status'
}

/** What stands where there is nothing to list. */
export function ListMessage({ Icon, action, children, role, title }: ListMessageProps) {
  return (
    <div
      role={role}
      className="mx-auto flex max-w-sm flex-col items-center gap-2 px-6 py-14 text-center"
    >
      <span className="mb-1 flex size-11 items-center justify-center rounded-full bg-muted text-muted-foreground">
        <Icon aria-hidden="true" className="size-5" />
      </span>
      <p className="text-sm font-medium">{title}</p>
      {children !== undefined && (
        <p className="text-[0.8125rem] leading-5 text-muted-foreground">{children}</p>
      )}
      {action !== undefined && <div className="mt-2 flex gap-2">{action}</div>}
    </div>
  )
}
