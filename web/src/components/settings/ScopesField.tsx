'use client'

import { useId } from 'react'

import type { AccessScope, UserRole } from '@/types/account'

import { scopesFor } from './scopes'

interface ScopesFieldProps {
  role: UserRole
  value: readonly AccessScope[]
  fault: string
  onChange: (scopes: readonly AccessScope[]) => void
}

/** What a token is good for. */
export function ScopesField({ fault, onChange, role, value }: ScopesFieldProps) {
  const id = useId()
  return (
    <fieldset
      className="flex flex-col gap-2"
      aria-describedby={fault === '' ? undefined : `${id}-fault`}
    >
      <legend className="mb-1.5 text-[0.8125rem] font-medium">What it may do</legend>
      {scopesFor(role).map((scope) => (
        <label key={scope.value} className="flex items-start gap-2.5 text-sm max-lg:min-h-11">
          <input
            type="checkbox"
            aria-invalid={fault !== ''}
            checked={value.includes(scope.value)}
            className="mt-0.5 size-4 shrink-0 accent-primary max-lg:size-5"
            onChange={({ target }) => {
              const others = value.filter((other) => other !== scope.value)
              onChange(target.checked ? [...others, scope.value] : others)
            }}
          />
          <span className="flex flex-col">
            <span className="font-medium">{scope.label}</span>
            <span className="text-xs leading-5 text-muted-foreground">{scope.meaning}</span>
          </span>
        </label>
      ))}
      {fault !== '' && (
        <p id={`${id}-fault`} className="text-xs leading-5 text-destructive">
          {fault}
        </p>
      )}
    </fieldset>
  )
}
