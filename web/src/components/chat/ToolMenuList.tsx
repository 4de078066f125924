'use client'

import { useEffect, useRef } from 'react'

import type { ToolMenu } from '@/hooks/useToolMenu'
import { cn } from '@/lib/utils'

import { optionId } from './tool-menu-id'

/** The tools that can be called, over the composer. The keys stay with the message field. */
export default function ToolMenuList({ id, menu }: { id: string; menu: ToolMenu }) {
  const list = useRef<HTMLUListElement>(null)

  useEffect(() => {
    list.current?.children[menu.active]?.scrollIntoView({ block: 'nearest' })
  }, [menu.active])

  return (
    <div className="absolute inset-x-0 bottom-full z-20 column pb-2">
      <div className="overflow-hidden rounded-2xl border bg-popover text-popover-foreground shadow-lg">
        <p className="border-b px-4 py-2 text-xs text-muted-foreground">
          Call a tool yourself: it runs at once, whatever the model can do.
        </p>
        <ul
          ref={list}
          id={id}
          role="listbox"
          aria-label="Tools"
          // It scrolls: whoever has no mouse must be able to reach it.
          tabIndex={0}
          className="max-h-[min(20rem,40dvh)] scrollbar-thin overflow-y-auto p-1.5"
        >
          {menu.items.map((tool, index) => (
            <li
              key={tool.name}
              id={optionId(id, index)}
              role="option"
              aria-selected={index === menu.active}
              className={cn(
                'flex min-h-11 cursor-default flex-col justify-center rounded-lg px-2.5 py-1.5',
                index === menu.active && 'bg-accent text-accent-foreground',
              )}
              onPointerMove={() => {
                if (index !== menu.active) menu.activate(index)
              }}
              // A click must not take the focus from the field.
              onPointerDown={(event) => {
                event.preventDefault()
              }}
              onClick={() => {
                menu.pick(tool)
              }}
            >
              <span className="flex items-baseline gap-2 text-sm">
                <span className="font-medium">{tool.title}</span>
                <code className="truncate font-mono text-xs text-muted-foreground">
                  /{tool.name}
                </code>
              </span>
              <span className="truncate text-xs text-muted-foreground">{tool.description}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
