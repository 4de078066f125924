'use client'

import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { Labelled } from '@/components/ui/labelled'
import { Select } from '@/components/ui/select'
import { useSubmission } from '@/hooks/useSubmission'
import { invites } from '@/stores/invites.store'

import { nameFaults } from '../account/faults'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { TextField } from '../account/TextField'
import { LifeField } from './LifeField'
import { SecretDialog } from './SecretDialog'
import { SecretOnce } from './SecretOnce'

/** Makes an invite, and shows its link this once. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  return (
    <SecretDialog
      before={{
        title: 'New invite',
        description: 'Whoever has its link can make one account here.',
      }}
      after={{
        title: 'Copy the link now',
        description: 'It is shown only this once. Send it to the person it is for.',
      }}
      form={(onMade) => <InviteForm onMade={onMade} onCancel={onClose} />}
      onClose={onClose}
    >
      {(secret) => (
        <SecretOnce
          label="Link"
          secret={`${window.location.origin}/join#${secret}`}
          onDone={onClose}
        />
      )}
    </SecretDialog>
  )
}

interface InviteFormProps {
  onMade: (secret: string) => void
  onCancel: () => void
}

function InviteForm({ onCancel, onMade }: InviteFormProps) {
  const [note, setNote] = useState('')
  const [role, setRole] = useState<'user' | 'administrator'>('user')
  const [days, setDays] = useState<number | undefined>(7)
  const submission = useSubmission(['note', 'role', 'expiresInDays'])
  const { faultAt, mend, submit, trouble } = submission
  const words = note.trim()

  const send = async () => {
    const made = await submit(words === '' ? [] : nameFaults('note', words), () =>
      invites.create({
        role,
        ...(days !== undefined && { expiresInDays: days }),
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
      <LifeField
        value={days}
        fault={faultAt('expiresInDays')}
        onChange={(wanted) => {
          setDays(wanted)
          mend('expiresInDays')
        }}
      />
      <div className="flex justify-end gap-2">
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
        <SubmitButton submission={submission}>Create link</SubmitButton>
      </div>
    </SubmissionForm>
  )
}
