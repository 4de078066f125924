'use client'

import { Dialog, DialogContent, DialogHeader, DialogTitle } from '@/components/ui/dialog'
import { focusItself } from '@/components/ui/focus-itself'
import { Kbd } from '@/components/ui/kbd'
import { ui } from '@/stores/ui.store'

import { shortcutKeys, SHORTCUTS } from '../shortcuts'

/** Bound by the dashboard alone, and so no part of what every page loads. */
const ON_THE_DASHBOARD = { keys: 'f', action: 'Full screen, on the dashboard' } as const

/** The keyboard shortcuts. Mounted while it is open. */
export default function ShortcutsDialog() {
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        ui.setShortcutsHelp(open ? 'open' : 'closed')
      }}
    >
      <DialogContent
        className="max-w-md"
        aria-describedby={undefined}
        onOpenAutoFocus={focusItself}
      >
        <DialogHeader>
          <DialogTitle>Keyboard shortcuts</DialogTitle>
        </DialogHeader>
        <dl className="divide-y text-sm">
          {[...SHORTCUTS, ON_THE_DASHBOARD].map(({ keys, action }) => (
            <div key={keys} className="flex h-10 items-center justify-between">
              <dt>{action}</dt>
              <dd className="flex gap-1">
                {shortcutKeys(keys).map((key) => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </DialogContent>
    </Dialog>
  )
}
