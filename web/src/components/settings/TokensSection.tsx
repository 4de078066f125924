'use client'

import { KeyRound } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { useNow } from '@/hooks/useNow'
import { tokens, useTokens } from '@/stores/tokens.store'
import type { ApiToken, Me } from '@/types/account'

import { reportFailure } from '../toasts'
import { When } from '../tools/When'
import { CollectionView } from './CollectionView'
import { Confirm } from './Confirm'
import { Facts } from './Facts'
import { MakingSection } from './MakingSection'
import { SCOPES } from './scopes'
import { TokenDialog } from './TokenDialog'

/** Keys for programs. */
export function TokensSection({ me }: { me: Me }) {
  const state = useTokens()

  useEffect(() => {
    void tokens.load()
  }, [])

  return (
    <MakingSection
      title="API tokens"
      description="Keys for programs that speak to this server in your name. One that is revoked is worthless within a second."
      action="New token"
      dialog={(onClose) => <TokenDialog me={me} onClose={onClose} />}
    >
      <CollectionView
        name="tokens"
        state={state}
        onLoad={tokens.load}
        empty={{
          Icon: KeyRound,
          title: 'No tokens yet',
          text: 'A token lets a script, or a client of the Model Context Protocol, use this server.',
        }}
      >
        {(token) => <TokenRow token={token} />}
      </CollectionView>
    </MakingSection>
  )
}

function TokenRow({ token }: { token: ApiToken }) {
  const [asking, setAsking] = useState(false)
  const now = useNow(token.expiresAt !== undefined, 60_000)
  const expired = token.expiresAt !== undefined && Date.parse(token.expiresAt) <= now
  return (
    <>
      <div className="flex min-w-0 flex-1 flex-col gap-0.5">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span className="[overflow-wrap:anywhere]">{token.name}</span>
          {SCOPES.filter(({ value }) => token.scopes.includes(value)).map(({ label, value }) => (
            <Badge key={value} variant="secondary">
              {label}
            </Badge>
          ))}
          {expired && <Badge variant="warning">Expired</Badge>}
        </p>
        <Facts>
          {token.lastUsedAt === undefined ? (
            'Never used'
          ) : (
            <>
              Last used <When at={token.lastUsedAt} />
            </>
          )}
          {token.expiresAt === undefined ? (
            'Has no end'
          ) : (
            <>
              {expired ? 'Ended' : 'Ends'} <When at={token.expiresAt} />
            </>
          )}
        </Facts>
      </div>
      <Button
        variant="outline"
        size="sm"
        aria-label={`Revoke ${token.name}`}
        onClick={() => {
          setAsking(true)
        }}
      >
        Revoke
      </Button>
      {asking && (
        <Confirm
          title="Revoke this token?"
          action="Revoke"
          onClose={() => {
            setAsking(false)
          }}
          onConfirm={() => void tokens.revoke(token.id).then(reportFailure)}
        >
          What uses “{token.name}” is refused from then on. This cannot be taken back.
        </Confirm>
      )}
    </>
  )
}
