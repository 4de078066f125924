'use client'

import { ChevronDown } from 'lucide-react'
import type { ComponentProps } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { useOpened } from '@/hooks/useOpened'
import { useModels, useSelectedModel } from '@/stores/models.store'

const useModelMenu = onDemand(async () => (await import('./ModelMenu')).default)

/** Chooses what answers. */
export function ModelPicker() {
  const [opened, opener] = useOpened('menu')
  const drawMenu = useModelMenu(opened)
  return opened && drawMenu !== undefined ? (
    drawMenu({ button: <ModelButton /> })
  ) : (
    <ModelButton {...opener} />
  )
}

function ModelButton(props: ComponentProps<typeof Button>) {
  const { load } = useModels()
  const selected = useSelectedModel()
  const name =
    selected?.name ?? (load.kind === 'loading' || load.kind === 'idle' ? 'Model' : 'No model')
  return (
    <Button
      variant="ghost"
      className="min-w-0 shrink gap-1.5 px-2.5 text-[0.8125rem] max-sm:max-w-36"
      aria-label={`Model: ${name}`}
      data-model={selected?.id}
      {...props}
    >
      <span className="truncate">{name}</span>
      <ChevronDown aria-hidden="true" className="size-3.5" />
    </Button>
  )
}
