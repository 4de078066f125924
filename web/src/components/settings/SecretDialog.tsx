'use client'

import { type ReactNode, useState } from 'react'

import {
  Dialog,
  DialogContent,
  DialogDescription,
  DialogHeader,
  DialogTitle,
} from '@/components/ui/dialog'

interface Words {
  readonly title: string
  readonly description: string
}

interface SecretDialogProps {
  /** What is said while it is asked what is to be made. */
  before: Words
  /** What is said once it is made. */
  after: Words
  /** Asks what is to be made, and gives the secret on once it is. */
  form: (onMade: (secret: string) => void) => ReactNode
  /** Shows the secret, this once. */
  children: (secret: string) => ReactNode
  onClose: () => void
}

/** Makes something that has a secret, and shows that secret once. Mounted while it is open. */
export function SecretDialog({ after, before, children, form, onClose }: SecretDialogProps) {
  const [secret, setSecret] = useState<string>()
  const { description, title } = secret === undefined ? before : after
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <DialogContent
        // A slip of the hand must not lose what is shown once.
        onInteractOutside={(event) => {
          if (secret !== undefined) event.preventDefault()
        }}
      >
        <DialogHeader>
          <DialogTitle>{title}</DialogTitle>
          <DialogDescription>{description}</DialogDescription>
        </DialogHeader>
        {secret === undefined ? form(setSecret) : children(secret)}
      </DialogContent>
    </Dialog>
  )
}
