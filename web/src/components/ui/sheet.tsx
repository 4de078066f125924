'use client'

import { Dialog as SheetPrimitive } from 'radix-ui'
import type { ComponentProps } from 'react'

import { cn } from '@/lib/utils'

import { DialogOverlay } from './dialog'
import { useReturnFocus } from './use-return-focus'

function Sheet(props: ComponentProps<typeof SheetPrimitive.Root>) {
  return <SheetPrimitive.Root {...props} />
}

/** A dialog that comes in from the left edge. */
function SheetContent({
  className,
  onOpenAutoFocus,
  onCloseAutoFocus,
  ...props
}: ComponentProps<typeof SheetPrimitive.Content>) {
  const focus = useReturnFocus()
  return (
    <SheetPrimitive.Portal>
      <DialogOverlay />
      <SheetPrimitive.Content
        data-slot="sheet-content"
        className={cn(
          'fixed inset-y-0 left-0 z-50 flex w-[min(20rem,85vw)] flex-col border-r bg-sidebar pl-[env(safe-area-inset-left)] text-sidebar-foreground shadow-lg outline-none data-[state=closed]:animate-out data-[state=closed]:duration-200 data-[state=closed]:slide-out-to-left data-[state=open]:animate-in data-[state=open]:duration-250 data-[state=open]:slide-in-from-left',
          className,
        )}
        onOpenAutoFocus={(event) => {
          focus.onOpenAutoFocus()
          onOpenAutoFocus?.(event)
        }}
        onCloseAutoFocus={onCloseAutoFocus ?? focus.onCloseAutoFocus}
        {...props}
      />
    </SheetPrimitive.Portal>
  )
}

function SheetTitle(props: ComponentProps<typeof SheetPrimitive.Title>) {
  return <SheetPrimitive.Title {...props} />
}

export { Sheet, SheetContent, SheetTitle }
