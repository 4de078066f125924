'use client'

import { useRouter } from 'next/navigation'

import {
  AlertDialog,
  AlertDialogAction,
  AlertDialogCancel,
  AlertDialogContent,
  AlertDialogDescription,
  AlertDialogFooter,
  AlertDialogTitle,
} from '@/components/ui/alert-dialog'
import { toolsPath } from '@/hooks/useToolsPlace'
import { servers } from '@/stores/servers.store'

import { reportFailure } from '../../toasts'

/** Asks before a server is ended and forgotten: what was set for it cannot be brought back. */
export default function RemoveDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const router = useRouter()
  return (
    <AlertDialog
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <AlertDialogContent>
        <AlertDialogTitle>Remove “{name}”?</AlertDialogTitle>
        <AlertDialogDescription>
          It is ended, its tools go away, and its secrets are forgotten. What its tools gave stays
          in the conversations and in the activity.
        </AlertDialogDescription>
        <AlertDialogFooter>
          <AlertDialogCancel>Keep it</AlertDialogCancel>
          <AlertDialogAction
            onClick={() => {
              void servers.remove(name).then((outcome) => {
                reportFailure(outcome)
                if (outcome.ok) router.replace(toolsPath({ view: 'servers' }))
              })
            }}
          >
            Remove
          </AlertDialogAction>
        </AlertDialogFooter>
      </AlertDialogContent>
    </AlertDialog>
  )
}
