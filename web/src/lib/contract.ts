import { loadChunk } from './chunk'
import { OfflineError } from './errors'
import type * as schemas from './validators'
import type { Schema } from './validators'

/** The generated schemas, and the ways to apply them. */
export type Validators = typeof schemas

/** Names a schema without having it yet. */
export type SchemaOf<T> = (validators: Validators) => Schema<T>

let validators: Promise<Validators> | undefined

/**
 * The validators. No paint needs them, so they come beside the first request instead of before the first paint.
 * @throws {OfflineError} when they cannot be fetched; the next call tries again.
 */
export function loadValidators(): Promise<Validators> {
  validators ??= loadChunk(() => import('./validators')).catch((error: unknown) => {
    validators = undefined
    throw new OfflineError(error)
  })
  return validators
}
