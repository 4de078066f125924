'use client'

import type { ReactNode } from 'react'

import { Badge } from '@/components/ui/badge'
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuTrigger,
} from '@/components/ui/dropdown-menu'
import { models, useModels, useSelectedModel } from '@/stores/models.store'
import type { Model } from '@/types/api'

/** Every model, below its button. Open when it comes. A model that cannot answer now is listed with the reason. */
export default function ModelMenu({ button }: { button: ReactNode }) {
  const { load, items } = useModels()
  const selected = useSelectedModel()
  return (
    <DropdownMenu defaultOpen>
      <DropdownMenuTrigger asChild>{button}</DropdownMenuTrigger>
      <DropdownMenuContent align="end" className="w-80 max-w-[calc(100vw-1rem)]">
        <DropdownMenuLabel>Model</DropdownMenuLabel>
        {load.kind === 'failed' ? (
          <DropdownMenuItem
            onSelect={() => void models.load()}
            className="flex-col items-start gap-0.5"
          >
            <span className="text-destructive">{load.failure.message}</span>
            <span className="text-xs text-muted-foreground">Try again</span>
          </DropdownMenuItem>
        ) : items.length === 0 ? (
          <p className="px-2 pb-2 text-sm text-muted-foreground">
            {load.kind === 'ready' ? 'This server has no model yet.' : 'Loading…'}
          </p>
        ) : (
          <DropdownMenuRadioGroup value={selected?.id ?? ''} onValueChange={models.select}>
            {items.map((model) => (
              <ModelItem key={model.id} model={model} />
            ))}
          </DropdownMenuRadioGroup>
        )}
      </DropdownMenuContent>
    </DropdownMenu>
  )
}

function ModelItem({ model }: { model: Model }) {
  const detail = [model.provider, contextWords(model.contextLength)].filter(Boolean).join(' · ')
  return (
    <DropdownMenuRadioItem
      value={model.id}
      disabled={!model.available}
      className="items-start py-2"
    >
      <span className="flex min-w-0 flex-1 flex-col gap-0.5">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium">{model.name}</span>
          {model.demo && <Badge variant="secondary">Demo</Badge>}
        </span>
        <span className="text-xs text-muted-foreground">
          {model.available ? detail : (model.note ?? 'Not available now')}
        </span>
      </span>
    </DropdownMenuRadioItem>
  )
}

function contextWords(tokens: number | undefined): string | undefined {
  if (tokens === undefined) return undefined
  return tokens < 10_000
    ? `${tokens.toLocaleString('en')} tokens of context`
    : `${Math.round(tokens / 1_000)}k tokens of context`
}
