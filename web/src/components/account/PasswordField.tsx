'use client'

import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { Labelled } from '@/components/ui/labelled'
import { useEarlyText } from '@/hooks/useEarlyText'

import { MIN_PASSWORD_CHARS, charsOf } from './faults'

interface PasswordFieldProps {
  label: string
  hint?: string
  fault: string
  value: string
  autoComplete: 'current-password' | 'new-password'
  name?: string
  autoFocus?: boolean
  onText: (text: string) => void
}

/** A password, which can be looked at. */
export function PasswordField({
  fault,
  hint = '',
  label,
  onText,
  value,
  ...props
}: PasswordFieldProps) {
  const [shown, setShown] = useState(false)
  const input = useEarlyText(value, onText)
  const Icon = shown ? EyeOff : Eye
  return (
    <Labelled label={label} hint={hint} fault={fault}>
      {(field) => (
        <div className="relative">
          <Input
            {...field}
            {...props}
            ref={input}
            type={shown ? 'text' : 'password'}
            autoCapitalize="none"
            spellCheck={false}
            value={value}
            className="h-10 pr-11 max-lg:h-11 max-lg:text-base"
            onChange={({ target }) => {
              onText(target.value)
            }}
          />
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={`Show ${label.toLowerCase()}`}
            aria-pressed={shown}
            title={shown ? 'Hide' : 'Show'}
            className="absolute top-1/2 right-1 size-9 -translate-y-1/2 max-lg:size-10"
            onClick={() => {
              setShown(!shown)
            }}
          >
            <Icon aria-hidden="true" />
          </Button>
        </div>
      )}
    </Labelled>
  )
}

/** A password to be: at its side stands what it lacks, then what the server says of it. */
export function NewPasswordField({
  fault,
  label = 'Password',
  value,
  ...props
}: Omit<PasswordFieldProps, 'autoComplete' | 'hint' | 'label'> & { label?: string }) {
  const missing = MIN_PASSWORD_CHARS - charsOf(value)
  const hint =
    value === ''
      ? `At least ${MIN_PASSWORD_CHARS} characters. A few words that do not belong together are good.`
      : missing > 0
        ? `${missing} more ${missing === 1 ? 'character' : 'characters'}.`
        : 'Long enough. The server refuses it if it is easy to guess.'
  return (
    <PasswordField
      {...props}
      label={label}
      value={value}
      fault={fault}
      hint={fault === '' ? hint : ''}
      autoComplete="new-password"
    />
  )
}
