import { CircleCheck, CircleX, KeyRound, LoaderCircle, Power } from 'lucide-react'

import { cn } from '@/lib/utils'
import type { McpServer } from '@/types/servers'

const LOOKS = {
  connecting: {
    Icon: LoaderCircle,
    label: 'Connecting',
    className: 'text-primary [&_svg]:animate-spin',
  },
  ready: { Icon: CircleCheck, label: 'Ready', className: 'text-success' },
  failed: { Icon: CircleX, label: 'Failed', className: 'text-destructive' },
  needs_sign_in: { Icon: KeyRound, label: 'Needs sign-in', className: 'text-warning' },
  off: { Icon: Power, label: 'Off', className: 'text-muted-foreground' },
} as const satisfies Record<McpServer['status'], unknown>

/** How a server is: a sign and a word. */
export function ServerStatus({
  className,
  status,
}: Pick<McpServer, 'status'> & { className?: string }) {
  const { Icon, className: look, label } = LOOKS[status]
  return (
    <span
      className={cn(
        'inline-flex shrink-0 items-center gap-1.5 text-[0.8125rem] font-medium',
        look,
        className,
      )}
    >
      <Icon aria-hidden="true" className="size-4" />
      {label}
    </span>
  )
}
