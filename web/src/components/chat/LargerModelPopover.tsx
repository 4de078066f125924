'use client'

import type { ReactNode } from 'react'

import { Popover, PopoverContent, PopoverTrigger } from '@/components/ui/popover'

import { ModelSetup } from './ModelSetup'

/** The ways to a larger model, beside their button. Open when it comes. */
export default function LargerModelPopover({ button }: { button: ReactNode }) {
  return (
    <Popover defaultOpen>
      <PopoverTrigger asChild>{button}</PopoverTrigger>
      <PopoverContent className="w-96 text-left" aria-label="Use a larger model">
        <ModelSetup />
      </PopoverContent>
    </Popover>
  )
}
