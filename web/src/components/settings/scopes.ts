import type { AccessScope, UserRole } from '@/types/account'

/** What a token can be good for, and in words. */
export const SCOPES: readonly {
  readonly value: AccessScope
  readonly label: string
  readonly meaning: string
}[] = [
  { value: 'read', label: 'Read', meaning: 'See your conversations, and follow answers.' },
  { value: 'write', label: 'Write', meaning: 'Ask, change things and run tools.' },
  { value: 'admin', label: 'Admin', meaning: 'All that an administrator may do.' },
]

/** What a person with this role can give a token. */
export function scopesFor(role: UserRole): typeof SCOPES {
  return role === 'administrator' ? SCOPES : SCOPES.filter(({ value }) => value !== 'admin')
}
