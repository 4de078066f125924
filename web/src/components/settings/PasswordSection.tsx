'use client'

import { useEffect, useState } from 'react'

import { useSubmission } from '@/hooks/useSubmission'
import { account } from '@/stores/account.store'
import { tokens } from '@/stores/tokens.store'
import type { Me } from '@/types/account'

import { emptyFaults, passwordFaults, wrongPasswordAt } from '../account/faults'
import { NewPasswordField, PasswordField } from '../account/PasswordField'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { reportNews } from '../toasts'
import { RevokeTokensField, useTokenCount } from './RevokeTokensField'
import { Section } from './Section'

const NOTHING = { current: '', new: '' }

/** Another password. */
export function PasswordSection({ me }: { me: Me }) {
  const [draft, setDraft] = useState(NOTHING)
  const [revoke, setRevoke] = useState(true)
  const count = useTokenCount()
  const submission = useSubmission(['current', 'new'])
  const { faultAt, mend, submit, trouble } = submission

  useEffect(() => {
    void tokens.load()
  }, [])

  const change = (field: keyof typeof NOTHING) => (text: string) => {
    setDraft((before) => ({ ...before, [field]: text }))
    mend(field)
  }
  const save = async () => {
    // Tokens end only where the question was on the screen.
    const revokeTokens = revoke && count !== 0
    const known = [...emptyFaults({ current: draft.current }), ...passwordFaults('new', draft.new)]
    const sent = await submit(known, async () =>
      wrongPasswordAt('current', await account.changePassword({ ...draft, revokeTokens })),
    )
    if (sent?.ok !== true) return
    setDraft(NOTHING)
    if (revokeTokens) void tokens.load()
    reportNews(
      revokeTokens
        ? 'Your password was changed, your other devices were signed out, and your API tokens were revoked.'
        : 'Your password was changed, and your other devices were signed out.',
    )
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
        <RevokeTokensField value={revoke} onChange={setRevoke} />
        <SubmitButton submission={submission} className="self-start">
          Change password
        </SubmitButton>
      </SubmissionForm>
    </Section>
  )
}
