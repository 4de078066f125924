'use client'

import { useState } from 'react'

import { useSubmission } from '@/hooks/useSubmission'
import type { Outcome } from '@/lib/failure'
import { account } from '@/stores/account.store'

import { accountFaults } from './faults'
import { NewPasswordField } from './PasswordField'
import { SubmissionForm } from './SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { EmailField, TextField } from './TextField'

interface CreateAccountFormProps {
  kind: 'setup' | 'join'
  action: string
  secret: string
}

/** Name, address and password of a new account. What was typed stays, whatever comes back. */
export function CreateAccountForm({ action, kind, secret }: CreateAccountFormProps) {
  const [draft, setDraft] = useState({ name: '', email: '', password: '' })
  const submission = useSubmission(['name', 'email', 'password'])
  const { faultAt, mend, submit, trouble } = submission

  const change = (field: keyof typeof draft) => (text: string) => {
    setDraft((before) => ({ ...before, [field]: text }))
    mend(field)
  }
  const send = async () => {
    const made = { ...draft, name: draft.name.trim(), email: draft.email.trim() }
    const sent = await submit(accountFaults(made), async () =>
      atField(await account.create(kind, { ...made, secret })),
    )
    if (sent?.ok === true) window.location.replace('/chat')
  }

  return (
    <SubmissionForm aria-label={action} trouble={trouble} onSubmit={send}>
      <TextField
        label="Your name"
        name="name"
        autoComplete="name"
        autoFocus
        value={draft.name}
        fault={faultAt('name')}
        onText={change('name')}
      />
      <EmailField
        name="email"
        hint="You sign in with it. Weir sends no mail."
        value={draft.email}
        fault={faultAt('email')}
        onText={change('email')}
      />
      <NewPasswordField
        name="password"
        value={draft.password}
        fault={faultAt('password')}
        onText={change('password')}
      />
      <SubmitButton submission={submission} className="h-10 max-lg:h-11">
        {action}
      </SubmitButton>
    </SubmissionForm>
  )
}

/** An address that is taken is something to mend at its field. */
function atField(outcome: Outcome): Outcome {
  if (outcome.ok || outcome.failure.code !== 'email_taken') return outcome
  const fields = [{ path: 'email', message: 'belongs to an account already' }]
  return { ok: false, failure: { ...outcome.failure, fields } }
}
