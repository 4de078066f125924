'use client'

import type { ComponentProps } from 'react'

import { Input } from '@/components/ui/input'
import { Labelled } from '@/components/ui/labelled'
import { useEarlyText } from '@/hooks/useEarlyText'

interface TextFieldProps extends Omit<ComponentProps<typeof Input>, 'onChange' | 'value'> {
  label: string
  hint?: string
  fault: string
  value: string
  onText: (text: string) => void
}

/** A line of text with its name, and what is wrong with it. */
export function TextField({ fault, hint = '', label, onText, value, ...props }: TextFieldProps) {
  const input = useEarlyText(value, onText)
  return (
    <Labelled label={label} hint={hint} fault={fault}>
      {(field) => (
        <Input
          {...field}
          {...props}
          ref={input}
          value={value}
          // A phone zooms into a smaller text.
          className="h-10 max-lg:h-11 max-lg:text-base"
          onChange={({ target }) => {
            onText(target.value)
          }}
        />
      )}
    </Labelled>
  )
}

/** The address that somebody signs in with. */
export function EmailField(props: Omit<TextFieldProps, 'label'>) {
  return (
    <TextField
      label="E-mail address"
      type="email"
      inputMode="email"
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      {...props}
    />
  )
}
