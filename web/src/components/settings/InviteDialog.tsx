'use client'

import { useState } from 'react'

import { Button } from '@/components/ui/button'
import {
  Dialog,
  DialogContent,
  DialogDescription,
  DialogHeader,
  DialogTitle,
} from '@/components/ui/dialog'
import { Labelled } from '@/components/ui/labelled'
import { Select } from '@/components/ui/select'
import { useSubmission } from '@/hooks/useSubmission'
import { invites } from '@/stores/invites.store'

import { nameFaults } from '../account/faults'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { TextField } from '../account/TextField'
import { LIVES } from './scopes'
import { SecretOnce } from './SecretOnce'

/** Makes an invite, and shows its link this once. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [secret, setSecret] = useState<string>()
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
          <DialogTitle>{secret === undefined ? 'New invite' : 'Copy the link now'}</DialogTitle>
          <DialogDescription>
            {secret === undefined
              ? 'Whoever has its link can make one account here.'
              : 'It is shown only this once. Send it to the person it is for.'}
          </DialogDescription>
        </DialogHeader>
        {secret === undefined ? (
          <InviteForm onMade={setSecret} onCancel={onClose} />
        ) : (
          <SecretOnce
            label="Link"
            secret={`${window.location.origin}/join#${secret}`}
            onDone={onClose}
          />
        )}
      </DialogContent>
    </Dialog>
  )
}

interface InviteFormProps {
  onMade: (secret: string) => void
  onCancel: () => void
}

function InviteForm({ onCancel, onMade }: InviteFormProps) {
  const [note, setNote] = useState('')
  const [role, setRole] = useState<'user' | 'administrator'>('user')
  const [days, setDays] = useState('7')
  const submission = useSubmission(['note', 'role', 'expiresInDays'])
  const { faultAt, mend, submit, trouble } = submission
  const words = note.trim()

  const send = async () => {
    const made = await submit(words === '' ? [] : nameFaults('note', words), () =>
      invites.create({
        role,
        expiresInDays: Number(days),
        ...(words !== '' && { note: words }),
      }),
    )
    if (made?.ok === true) onMade(made.secret)
  }

  return (
    <SubmissionForm aria-label="New invite" trouble={trouble} onSubmit={send}>
      <TextField
        autoFocus
        label="For whom"
        hint="For you to know it by; the person does not see it."
        autoComplete="off"
        value={note}
        fault={faultAt('note')}
        onText={(text) => {
          setNote(text)
          mend('note')
        }}
      />
      <Labelled
        label="Role"
        hint={
          role === 'administrator'
            ? 'Also manages people, invites and MCP servers.'
            : 'Has conversations and tools of their own, nothing else.'
        }
        fault={faultAt('role')}
      >
        {(field) => (
          <Select
            {...field}
            value={role}
            onChange={({ target }) => {
              setRole(target.value === 'administrator' ? 'administrator' : 'user')
            }}
          >
            <option value="user">User</option>
            <option value="administrator">Administrator</option>
          </Select>
        )}
      </Labelled>
      <Labelled label="Good for" fault={faultAt('expiresInDays')}>
        {(field) => (
          <Select
            {...field}
            value={days}
            onChange={({ target }) => {
              setDays(target.value)
              mend('expiresInDays')
            }}
          >
            {LIVES.map(({ label, value }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Labelled>
      <div className="flex justify-end gap-2">
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
        <SubmitButton submission={submission}>Create link</SubmitButton>
      </div>
    </SubmissionForm>
  )
}
