'use client'

import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { useSubmission } from '@/hooks/useSubmission'
import { tokens } from '@/stores/tokens.store'
import type { AccessScope, Me } from '@/types/account'

import { nameFaults } from '../account/faults'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { TextField } from '../account/TextField'
import { LifeField } from './LifeField'
import { ScopesField } from './ScopesField'
import { SecretDialog } from './SecretDialog'
import { CopyLine, SecretOnce } from './SecretOnce'

/** Makes an API token, and shows its secret this once. */
export function TokenDialog({ me, onClose }: { me: Me; onClose: () => void }) {
  return (
    <SecretDialog
      before={{
        title: 'New token',
        description: 'It speaks in your name, as far as you allow it.',
      }}
      after={{
        title: 'Copy the token now',
        description: 'It is shown only this once; the server keeps no copy of it.',
      }}
      form={(onMade) => <TokenForm me={me} onMade={onMade} onCancel={onClose} />}
      onClose={onClose}
    >
      {(secret) => (
        <SecretOnce label="Token" secret={secret} onDone={onClose}>
          <p className="text-[0.8125rem] text-muted-foreground">A first try:</p>
          <CopyLine
            label="Example"
            text={`curl -H "Authorization: Bearer ${secret}" ${window.location.origin}/api/conversations`}
          />
        </SecretOnce>
      )}
    </SecretDialog>
  )
}

interface TokenFormProps {
  me: Me
  onMade: (secret: string) => void
  onCancel: () => void
}

function TokenForm({ me, onCancel, onMade }: TokenFormProps) {
  const [name, setName] = useState('')
  const [days, setDays] = useState<number | undefined>(90)
  const [scopes, setScopes] = useState<readonly AccessScope[]>(['read', 'write'])
  const submission = useSubmission(['name', 'scopes', 'expiresInDays'])
  const { faultAt, mend, submit, trouble } = submission

  const send = async () => {
    const known = [
      ...nameFaults('name', name),
      ...(scopes.length > 0 ? [] : [{ path: 'scopes', message: 'must be at least one' }]),
    ]
    const made = await submit(known, () =>
      tokens.create({
        name: name.trim(),
        scopes: [...scopes],
        ...(days !== undefined && { expiresInDays: days }),
      }),
    )
    if (made?.ok === true) onMade(made.secret)
  }

  return (
    <SubmissionForm aria-label="New token" trouble={trouble} onSubmit={send}>
      <TextField
        autoFocus
        label="Name"
        hint="What it is for."
        placeholder="Backup script"
        autoComplete="off"
        value={name}
        fault={faultAt('name')}
        onText={(text) => {
          setName(text)
          mend('name')
        }}
      />
      <ScopesField
        role={me.role}
        value={scopes}
        fault={faultAt('scopes')}
        onChange={(chosen) => {
          setScopes(chosen)
          mend('scopes')
        }}
      />
      <LifeField
        value={days}
        fault={faultAt('expiresInDays')}
        endless="Ever, until it is revoked"
        onChange={(wanted) => {
          setDays(wanted)
          mend('expiresInDays')
        }}
      />
      <div className="flex justify-end gap-2">
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
        <SubmitButton submission={submission}>Create token</SubmitButton>
      </div>
    </SubmissionForm>
  )
}
