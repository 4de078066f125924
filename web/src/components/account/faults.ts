import type { Outcome } from '@/lib/failure'
import type { FieldError } from '@/types/api'

/** What the contract asks of a password. */
export const MIN_PASSWORD_CHARS = 12

/** What is wrong with an account's fields as far as the page can tell; the server has the last word, in the same words. */
export function accountFaults(fields: {
  email?: string
  name?: string
  password?: string
}): FieldError[] {
  return [
    ...(fields.email !== undefined && !/^\S+@\S+$/.test(fields.email.trim())
      ? [{ path: 'email', message: 'must be an address such as ada@example.org' }]
      : []),
    ...nameFaults('name', fields.name),
    ...passwordFaults('password', fields.password),
  ]
}

/** What is wrong with a name or a note: the contract takes 1 to 100 characters. */
export function nameFaults(path: string, name: string | undefined): FieldError[] {
  if (name === undefined) return []
  const isGood = name.trim() !== '' && charsOf(name.trim()) <= 100
  return isGood ? [] : [{ path, message: 'must be a text of 1 to 100 characters' }]
}

/** What is wrong with a new password, but for how easily it is guessed. */
export function passwordFaults(path: string, password: string | undefined): FieldError[] {
  if (password === undefined || charsOf(password) >= MIN_PASSWORD_CHARS) return []
  return [{ path, message: `must have at least ${MIN_PASSWORD_CHARS} characters` }]
}

/** What is wrong with a field that must not be empty. */
export function emptyFaults(fields: Readonly<Record<string, string>>): FieldError[] {
  return Object.entries(fields)
    .filter(([, text]) => text === '')
    .map(([path]) => ({ path, message: 'must not be empty' }))
}

/** A wrong password is something to mend at its field. */
export function wrongPasswordAt(path: string, outcome: Outcome): Outcome {
  if (outcome.ok || outcome.failure.code !== 'wrong_password') return outcome
  const fields = [{ path, message: 'is not your password' }]
  return { ok: false, failure: { ...outcome.failure, fields } }
}

/** How many characters the server counts: code points, not pairs of surrogates. */
export function charsOf(text: string): number {
  return Array.from(text).length
}
