import type { Failure } from './failure'

/** Why something failed, where it is counted down until when: the server's sentence would say that too, but only once. */
export function reasonOf({ code, message, retryAt }: Failure): string {
  const wasTooMuch = code === 'rate_limited' || code === 'http_429'
  return wasTooMuch && retryAt !== undefined ? 'Too many requests.' : message
}
