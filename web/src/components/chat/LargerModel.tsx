'use client'

import type { ComponentProps, ReactNode } from 'react'

import { onDemand } from '@/hooks/on-demand'
import { useOpened } from '@/hooks/useOpened'

const usePopover = onDemand(async () => (await import('./LargerModelPopover')).default)

/** Says how to plug in a larger model, where it is asked for. */
export function LargerModel({ children }: { children: ReactNode }) {
  const [opened, opener] = useOpened('dialog')
  const drawPopover = usePopover(opened)
  return opened && drawPopover !== undefined ? (
    drawPopover({ button: <Words>{children}</Words> })
  ) : (
    <Words {...opener}>{children}</Words>
  )
}

function Words(props: ComponentProps<'button'>) {
  return (
    <button
      type="button"
      className="rounded-sm font-medium text-foreground underline decoration-foreground/30 underline-offset-3 hover:decoration-foreground"
      {...props}
    />
  )
}
