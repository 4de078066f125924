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
import { useSubmission } from '@/hooks/useSubmission'
import { account } from '@/stores/account.store'
import type { Me } from '@/types/account'

import { emptyFaults, wrongPasswordAt } from '../account/faults'
import { PasswordField } from '../account/PasswordField'
import { SubmissionForm } from '../account/SubmissionForm'
import { SubmitButton } from '../SubmitButton'
import { TextField } from '../account/TextField'
import { Section } from './Section'

/** The way out for good. */
export function DeleteAccount({ me }: { me: Me }) {
  const [open, setOpen] = useState(false)
  return (
    <Section
      title="Delete account"
      description="Your conversations, jobs, devices and tokens are deleted with it. This cannot be taken back."
      action={
        <Button
          variant="outline"
          size="sm"
          className="text-destructive hover:text-destructive"
          onClick={() => {
            setOpen(true)
          }}
        >
          Delete account…
        </Button>
      }
    >
      {open && (
        <Dialog open onOpenChange={setOpen}>
          <DialogContent>
            <DialogHeader>
              <DialogTitle>Delete your account?</DialogTitle>
              <DialogDescription>
                Everything that is yours on this server goes with it, at once and for good.
              </DialogDescription>
            </DialogHeader>
            <DeleteForm
              me={me}
              onCancel={() => {
                setOpen(false)
              }}
            />
          </DialogContent>
        </Dialog>
      )}
    </Section>
  )
}

function DeleteForm({ me, onCancel }: { me: Me; onCancel: () => void }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const submission = useSubmission(['name', 'password'])
  const { faultAt, mend, submit, trouble } = submission

  const send = async () => {
    const known = [
      ...(name.trim() === me.name ? [] : [{ path: 'name', message: `must be “${me.name}”` }]),
      ...(me.hasPassword ? emptyFaults({ password }) : []),
    ]
    const sent = await submit(known, async () =>
      wrongPasswordAt('password', await account.remove(me.hasPassword ? { password } : {})),
    )
    if (sent?.ok === true) window.location.replace('/sign-in')
  }

  return (
    <SubmissionForm aria-label="Delete account" trouble={trouble} onSubmit={send}>
      <TextField
        label={`Your name, to be sure: ${me.name}`}
        autoComplete="off"
        value={name}
        fault={faultAt('name')}
        onText={(text) => {
          setName(text)
          mend('name')
        }}
      />
      {me.hasPassword && (
        <PasswordField
          label="Password"
          autoComplete="current-password"
          value={password}
          fault={faultAt('password')}
          onText={(text) => {
            setPassword(text)
            mend('password')
          }}
        />
      )}
      <div className="flex justify-end gap-2">
        <Button variant="outline" onClick={onCancel}>
          Cancel
        </Button>
        <SubmitButton variant="destructive" submission={submission}>
          Delete account
        </SubmitButton>
      </div>
    </SubmissionForm>
  )
}
