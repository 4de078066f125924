'use client'

import { useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { useSubmission } from '@/hooks/useSubmission'
import { account } from '@/stores/account.store'
import type { Me } from '@/types/account'

import { nameFaults } from '../account/faults'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { TextField } from '../account/TextField'
import { reportNews } from '../toasts'
import { DeleteAccount } from './DeleteAccount'
import { OpenServerNote } from './OpenServerNote'
import { Section } from './Section'
import { TelemetryChoice } from './TelemetryChoice'
import { ThemeChoice } from './ThemeChoice'

/** Who one is here, what the page looks like, and the way out for good. */
export function ProfileSection({ me }: { me: Me }) {
  return (
    <>
      {me.auth === 'open' && <OpenServerNote />}
      <Profile me={me} />
      <Section title="Theme" description="Kept in this browser.">
        <ThemeChoice />
      </Section>
      <Section title="Telemetry" description="Kept in this browser.">
        <TelemetryChoice />
      </Section>
      {me.auth === 'required' && <DeleteAccount me={me} />}
    </>
  )
}

function Profile({ me }: { me: Me }) {
  const [name, setName] = useState(me.name)
  const submission = useSubmission(['name'])
  const { faultAt, mend, submit, trouble } = submission
  const wanted = name.trim()

  const save = async () => {
    const sent = await submit(nameFaults('name', wanted), () => account.rename(wanted))
    if (sent?.ok !== true) return
    setName(wanted)
    reportNews('Your name was changed.')
  }

  return (
    <Section title="Profile">
      {me.auth === 'required' && <Account me={me} />}
      <SubmissionForm
        aria-label="Your name"
        trouble={trouble}
        onSubmit={save}
        className="max-w-md gap-3"
      >
        <TextField
          label="Name"
          name="name"
          autoComplete="name"
          value={name}
          fault={faultAt('name')}
          onText={(text) => {
            setName(text)
            mend('name')
          }}
        />
        {wanted !== me.name && (
          <SubmitButton submission={submission} className="self-start">
            Save name
          </SubmitButton>
        )}
      </SubmissionForm>
    </Section>
  )
}

/** What a person cannot change of their account. */
function Account({ me }: { me: Me }) {
  return (
    <dl className="flex flex-wrap gap-x-10 gap-y-3 text-sm">
      <div className="flex min-w-0 flex-col gap-0.5">
        <dt className="text-[0.8125rem] text-muted-foreground">E-mail address</dt>
        <dd className="[overflow-wrap:anywhere]">{me.email}</dd>
      </div>
      <div className="flex flex-col gap-0.5">
        <dt className="text-[0.8125rem] text-muted-foreground">Role</dt>
        <dd>
          <Badge variant={me.role === 'administrator' ? 'default' : 'secondary'}>
            {me.role === 'administrator' ? 'Administrator' : 'User'}
          </Badge>
        </dd>
      </div>
    </dl>
  )
}
