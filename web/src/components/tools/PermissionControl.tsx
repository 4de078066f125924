'use client'

import { Segmented, SegmentedItem } from '@/components/ui/segmented'
import { tools } from '@/stores/tools.store'
import type { Permission, ToolInfo } from '@/types/tools'

import { reportFailure } from '../toasts'
import { ArgumentRules } from './ArgumentRules'
import { PERMISSIONS, permissionOf } from './words'

/** Whether a tool may run: in general, and for some arguments. */
export function PermissionControl({ tool }: { tool: ToolInfo }) {
  return (
    <section aria-labelledby="permission-heading" className="flex flex-col gap-3">
      <h3 id="permission-heading" className="text-sm font-semibold">
        Permission
      </h3>
      <Segmented
        aria-label="May it run?"
        aria-describedby="permission-meaning"
        className="w-full max-w-sm"
        value={tool.permission}
        onValueChange={(permission) => {
          void tools.permit(tool.name, { permission: permission as Permission }).then(reportFailure)
        }}
      >
        {PERMISSIONS.map(({ Icon, label, value }) => (
          <SegmentedItem key={value} value={value}>
            <Icon aria-hidden="true" />
            {label}
          </SegmentedItem>
        ))}
      </Segmented>
      <p id="permission-meaning" className="text-[0.8125rem] leading-5 text-muted-foreground">
        {permissionOf(tool.permission).meaning}
      </p>
      <ArgumentRules tool={tool} />
    </section>
  )
}
