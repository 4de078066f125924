import type { APIRequestContext } from '@playwright/test'

import { prose } from './chat-page'
import { OWN_PAGE } from './people'
import type { Upstream } from './upstream'

/** Milliseconds between two things that somebody looks at. */
const PAUSE_MS = 150

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A server that is gone is asked again after a while. */
async function patiently(ask: Promise<unknown>): Promise<void> {
  await ask.catch(() => pause(1_000))
}

/** One person who asks and asks: answers of several lengths and paces, tools, and now and then something that fails. */
async function talk(
  request: APIRequestContext,
  upstream: Upstream,
  at: string,
  goesOn: () => boolean,
  first: number,
): Promise<void> {
  for (let turn = first; goesOn(); turn += 1) {
    if (turn % 9 === 7) upstream.refuse({ status: 500, message: 'Out of memory' })
    else if (turn % 5 === 3) {
      const calls = [{ name: 'calculate', args: { expression: `${turn}*7` } }]
      upstream.next({ text: 'Let me see.', calls }).finish()
      upstream.next({ text: prose(60 + turn), rate: 30 })
    } else upstream.next({ text: prose(150 + ((turn * 67) % 400)), rate: 20 + ((turn * 13) % 40) })
    const data = { prompt: `Question ${turn}: what does a river do?` }
    const options = { data, headers: OWN_PAGE, timeout: 120_000 }
    await patiently(request.post(`${at}/api/realtime`, options))
  }
}

/** One person who looks around. */
async function look(request: APIRequestContext, at: string, goesOn: () => boolean): Promise<void> {
  for (let turn = 0; goesOn(); turn += 1) {
    const path = turn % 23 === 0 ? '/api/conversations/none' : '/api/conversations'
    await patiently(request.get(`${at}${path}`))
    await pause(PAUSE_MS * (1 + (turn % 3)))
  }
}

/** People at work at several servers, until the returned function is called. */
export function traffic(
  people: readonly { readonly request: APIRequestContext; readonly at: string }[],
  upstream: Upstream,
): () => Promise<void> {
  let open = true
  const goesOn = () => open
  const all = people.flatMap(({ at, request }, index) => [
    talk(request, upstream, at, goesOn, index * 4),
    look(request, at, goesOn),
  ])
  return async () => {
    open = false
    await upstream.stop()
    await Promise.allSettled(all)
  }
}
