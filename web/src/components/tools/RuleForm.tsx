'use client'

import { useId, useState } from 'react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { Select } from '@/components/ui/select'
import type { ArgumentRule, Match, Permission } from '@/types/tools'

import { MATCHES, PERMISSIONS } from './words'

/** The longest value that the contract takes. */
const LONGEST = 1_000

interface RuleFormProps {
  /** The arguments that the tool takes. */
  names: readonly string[]
  /** What holds where no rule does. */
  otherwise: Permission
  /** Resolves to what is wrong with the value, or to an empty string. */
  onAdd: (rule: ArgumentRule) => Promise<string>
  onCancel: () => void
}

/** A new rule, as a sentence with gaps. */
export function RuleForm({ names, onAdd, onCancel, otherwise }: RuleFormProps) {
  const id = useId()
  const [rule, setRule] = useState<ArgumentRule>({
    argument: names[0] ?? '',
    matches: 'equals',
    value: '',
    permission: otherwise === 'allow' ? 'ask' : 'allow',
  })
  const [fault, setFault] = useState('')

  const add = () => {
    if (rule.value.trim() === '') setFault('Say what the argument is compared with.')
    else void onAdd(rule).then(setFault)
  }

  return (
    <form
      aria-label="New rule"
      className="flex flex-col gap-3 rounded-lg border p-3"
      onSubmit={(event) => {
        event.preventDefault()
        add()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        onCancel()
      }}
    >
      <div className="flex flex-wrap items-center gap-2 text-[0.8125rem]">
        <span>If</span>
        <Select
          aria-label="Argument"
          value={rule.argument}
          onChange={({ target }) => {
            setRule({ ...rule, argument: target.value })
          }}
        >
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
        <Select
          aria-label="How it is compared"
          value={rule.matches}
          onChange={({ target }) => {
            setRule({ ...rule, matches: target.value as Match })
          }}
        >
          {MATCHES.map(({ label, value }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
        <Input
          autoFocus
          aria-label="Value"
          aria-invalid={fault !== ''}
          aria-describedby={fault === '' ? undefined : id}
          placeholder={rule.matches === 'host' ? 'example.com' : 'Value'}
          maxLength={LONGEST}
          value={rule.value}
          className="w-auto min-w-40 flex-1 max-lg:h-11 max-lg:text-base"
          onChange={({ target }) => {
            setRule({ ...rule, value: target.value })
            setFault('')
          }}
        />
        <span>then</span>
        <Select
          aria-label="Permission for such calls"
          value={rule.permission}
          onChange={({ target }) => {
            setRule({ ...rule, permission: target.value as Permission })
          }}
        >
          {PERMISSIONS.map(({ label, value }) => (
            <option key={value} value={value}>
              {label.toLowerCase()}
            </option>
          ))}
        </Select>
      </div>
      {fault !== '' && (
        <p id={id} role="alert" className="text-xs text-destructive">
          {fault}
        </p>
      )}
      <div className="flex gap-2">
        <Button type="submit" size="sm">
          Add rule
        </Button>
        <Button variant="ghost" size="sm" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  )
}
