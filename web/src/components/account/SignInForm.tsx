'use client'

import { useState } from 'react'

import { useSubmission } from '@/hooks/useSubmission'
import { nextPage } from '@/lib/next-page'
import { account } from '@/stores/account.store'

import { emptyFaults } from './faults'
import { PasswordField } from './PasswordField'
import { SubmissionForm } from './SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { EmailField } from './TextField'

/** Address and password. What was typed stays, whatever comes back. */
export function SignInForm() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const submission = useSubmission(['email', 'password'])
  const { faultAt, mend, submit, trouble } = submission

  const send = async () => {
    const credentials = { email: email.trim(), password }
    const sent = await submit(emptyFaults(credentials), () => account.signIn(credentials))
    if (sent?.ok === true) enterApp()
  }

  return (
    <SubmissionForm aria-label="Sign in" trouble={trouble} onSubmit={send}>
      <EmailField
        name="email"
        autoFocus
        value={email}
        fault={faultAt('email')}
        onText={(text) => {
          setEmail(text)
          mend('email')
        }}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        value={password}
        fault={faultAt('password')}
        onText={(text) => {
          setPassword(text)
          mend('password')
        }}
      />
      <SubmitButton submission={submission} className="h-10 max-lg:h-11">
        Sign in
      </SubmitButton>
    </SubmissionForm>
  )
}

/** Goes where the person wanted to be. A load of its own: nothing of who was here before stays in the page. */
export function enterApp(): void {
  const { origin, search } = window.location
  window.location.replace(nextPage(search, origin))
}
