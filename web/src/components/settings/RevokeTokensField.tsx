'use client'

import { useTokens } from '@/stores/tokens.store'

interface RevokeTokensFieldProps {
  value: boolean
  onChange: (revoke: boolean) => void
}

/** Asks whether the API tokens end with the old password. Shown while there are tokens, or it is not known. */
export function RevokeTokensField({ onChange, value }: RevokeTokensFieldProps) {
  const count = useTokenCount()
  if (count === 0) return null
  return (
    <label className="flex items-start gap-2.5 text-sm max-lg:min-h-11">
      <input
        type="checkbox"
        name="revokeTokens"
        checked={value}
        className="mt-0.5 size-4 shrink-0 accent-primary max-lg:size-5"
        onChange={({ target }) => {
          onChange(target.checked)
        }}
      />
      <span className="flex flex-col">
        <span className="font-medium">Also revoke my {nameOf(count)}</span>
        <span className="text-xs leading-5 text-muted-foreground">
          Programs that use them stop working. Leave this on if anyone else may know your password.
        </span>
      </span>
    </label>
  )
}

/** How many API tokens there are; undefined when the list could not be loaded. 0 until it is loaded. */
export function useTokenCount(): number | undefined {
  const { items, load } = useTokens()
  return load.kind === 'failed' ? undefined : items.length
}

function nameOf(count: number | undefined): string {
  if (count === undefined) return 'API tokens'
  return count === 1 ? '1 API token' : `${count} API tokens`
}
