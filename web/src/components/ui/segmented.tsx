'use client'

import { RadioGroup as RadioPrimitive } from 'radix-ui'
import type { ComponentProps } from 'react'

import { cn } from '@/lib/utils'

/** A choice of one among few, side by side. */
function Segmented({ className, ...props }: ComponentProps<typeof RadioPrimitive.Root>) {
  return (
    <RadioPrimitive.Root
      data-slot="segmented"
      orientation="horizontal"
      className={cn('inline-flex gap-1 rounded-lg bg-muted p-1', className)}
      {...props}
    />
  )
}

function SegmentedItem({ className, ...props }: ComponentProps<typeof RadioPrimitive.Item>) {
  return (
    <RadioPrimitive.Item
      data-slot="segmented-item"
      className={cn(
        'inline-flex h-8 flex-1 items-center justify-center gap-1.5 rounded-md px-3 text-[0.8125rem] font-medium whitespace-nowrap text-muted-foreground transition-colors outline-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring disabled:opacity-50 data-[state=checked]:bg-background data-[state=checked]:text-foreground data-[state=checked]:shadow-sm max-lg:h-10 dark:data-[state=checked]:bg-accent [&_svg]:size-4',
        className,
      )}
      {...props}
    />
  )
}

export { Segmented, SegmentedItem }
