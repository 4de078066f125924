'use client'

import { useState } from 'react'

import { useSubmission } from '@/hooks/useSubmission'
import { account } from '@/stores/account.store'
import type { Me } from '@/types/account'

import { emptyFaults, passwordFaults, wrongPasswordAt } from '../account/faults'
import { NewPasswordField, PasswordField } from '../account/PasswordField'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { reportNews } from '../toasts'
import { Section } from './Section'

const NOTHING = { current: '', new: '' }

/** Another password. */
export function PasswordSection({ me }: { me: Me }) {
  const [draft, setDraft] = useState(NOTHING)
  const submission = useSubmission(['current', 'new'])
  const { faultAt, mend, submit, trouble } = submission

  const change = (field: keyof typeof NOTHING) => (text: string) => {
    setDraft((before) => ({ ...before, [field]: text }))
    mend(field)
  }
  const save = async () => {
    const known = [...emptyFaults({ current: draft.current }), ...passwordFaults('new', draft.new)]
    const sent = await submit(known, async () =>
      wrongPasswordAt('current', await account.changePassword(draft)),
    )
    if (sent?.ok !== true) return
    setDraft(NOTHING)
    reportNews('Your password was changed, and your other devices were signed out.')
  }

  return (
    <Section
      title="Change password"
      description="Every other device is signed out. This one stays signed in."
    >
      <SubmissionForm
        aria-label="Change password"
        trouble={trouble}
        onSubmit={save}
        className="max-w-md"
      >
        {/* A password manager wants to know whose password it is. */}
        <input
          type="email"
          name="email"
          autoComplete="username"
          value={me.email ?? ''}
          readOnly
          hidden
        />
        <PasswordField
          label="Current password"
          name="current"
          autoComplete="current-password"
          value={draft.current}
          fault={faultAt('current')}
          onText={change('current')}
        />
        <NewPasswordField
          label="New password"
          name="new"
          value={draft.new}
          fault={faultAt('new')}
          onText={change('new')}
        />
        <SubmitButton submission={submission} className="self-start">
          Change password
        </SubmitButton>
      </SubmissionForm>
    </Section>
  )
}
