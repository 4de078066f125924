'use client'

import { EllipsisVertical } from 'lucide-react'
import type { ComponentProps } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { useOpened } from '@/hooks/useOpened'

const useThemeMenu = onDemand(async () => (await import('./ThemeMenu')).default)

/** Commands, settings, the theme and the sign-out. */
export function MoreMenu() {
  const [opened, opener] = useOpened('menu')
  const drawMenu = useThemeMenu(opened)
  return opened && drawMenu !== undefined ? (
    drawMenu({ button: <MoreButton /> })
  ) : (
    <MoreButton {...opener} />
  )
}

function MoreButton(props: ComponentProps<typeof Button>) {
  return (
    <Button variant="ghost" size="icon" aria-label="Theme and more" {...props}>
      <EllipsisVertical aria-hidden="true" className="size-4.5" />
    </Button>
  )
}
