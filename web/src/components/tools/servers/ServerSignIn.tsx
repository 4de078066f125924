'use client'

import { KeyRound, Unplug } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Button } from '@/components/ui/button'
import { replacePlace } from '@/hooks/useToolsPlace'
import type { Failure } from '@/lib/failure'
import { cn } from '@/lib/utils'
import { servers } from '@/stores/servers.store'
import type { McpServer } from '@/types/servers'

import { reportFailure } from '../../toasts'
import { When } from '../When'
import { cameOfIt, maySignIn } from './words'

interface ServerSignInProps {
  server: McpServer
  /** What came of a sign-in, right after it. */
  connect: string | undefined
  /** Opens the form where a client ID is set. */
  onEdit: () => void
}

/** Whether somebody has signed in for a server that asks for it, and the ways to do so and to undo it. */
export function ServerSignIn({ connect, onEdit, server }: ServerSignInProps) {
  const [came] = useState(() => cameOfIt(connect))
  const [failure, setFailure] = useState<Failure>()
  const [asking, setAsking] = useState(false)
  const { name, signIn } = server
  const waits = server.status === 'needs_sign_in'

  useEffect(() => {
    // Said once: a reload does not say it again.
    if (connect !== undefined) replacePlace({ view: 'servers', server: name })
  }, [connect, name])

  if (!waits && signIn === undefined && came === undefined) return null
  const go = async () => {
    setAsking(true)
    setFailure(undefined)
    const outcome = await servers.connect(name)
    setAsking(false)
    if (!outcome.ok) setFailure(outcome.failure)
  }
  const missing = signIn?.missing ?? []
  const trouble = failure?.message ?? came
  return (
    <section
      aria-label="Sign-in"
      className={cn(
        'flex flex-col gap-3 rounded-lg px-3 py-2.5 text-[0.8125rem] leading-5',
        waits || missing.length > 0 ? 'bg-warning-surface' : 'bg-muted/60',
      )}
    >
      {waits && <p className="[overflow-wrap:anywhere]">{server.error}</p>}
      {signIn && (
        <p className="[overflow-wrap:anywhere]">
          Signed in{signIn.issuer !== undefined && ` at ${signIn.issuer}`} since{' '}
          <When at={signIn.since} />
          {signIn.scopes.length > 0 && `, for ${signIn.scopes.join(', ')}`}.
        </p>
      )}
      {missing.length > 0 && (
        <p className="[overflow-wrap:anywhere]">
          A tool has asked for more: {missing.join(', ')}. Connect again to be asked for it.
        </p>
      )}
      {trouble !== undefined && (
        <p role="alert" className="[overflow-wrap:anywhere] text-destructive">
          {trouble}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {maySignIn(server) && (
          <Button
            size="sm"
            variant={waits || missing.length > 0 ? 'default' : 'outline'}
            className="max-lg:h-11"
            disabled={asking}
            onClick={() => void go()}
          >
            <KeyRound aria-hidden="true" />
            {signIn ? 'Connect again' : 'Connect'}
          </Button>
        )}
        {failure?.code === 'registration_needed' && server.source === 'app' && (
          <Button size="sm" variant="outline" className="max-lg:h-11" onClick={onEdit}>
            Set a client ID
          </Button>
        )}
        {signIn && (
          <Button
            size="sm"
            variant="outline"
            className="max-lg:h-11"
            onClick={() => void servers.disconnect(name).then(reportFailure)}
          >
            <Unplug aria-hidden="true" />
            Disconnect
          </Button>
        )}
      </div>
    </section>
  )
}
