/** What a page tells of itself, as the contract generates it. */
export type { PageError, WebVital } from './generated/types.gen'

import type { PageError, WebVital } from './generated/types.gen'

/** A batch of it. */
export interface Telemetry {
  readonly vitals: readonly WebVital[]
  readonly errors: readonly PageError[]
}
