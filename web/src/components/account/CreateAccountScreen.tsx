'use client'

import Link from 'next/link'
import { useEffect } from 'react'

import { Button } from '@/components/ui/button'
import { useLinkSecret } from '@/hooks/useLinkSecret'
import { account, useAuth } from '@/stores/account.store'

import { AccountPage } from './AccountPage'
import { CreateAccountForm } from './CreateAccountForm'

const WORDS = {
  setup: {
    title: 'Set up Weir',
    description: 'You are the first here: this account is the administrator’s.',
    action: 'Create administrator',
    missing:
      'This page needs the link that the server printed when it started. Open the whole link, up to its last letter.',
  },
  join: {
    title: 'Join Weir',
    description: 'You have been invited to this server. Make your account.',
    action: 'Create account',
    missing:
      'This page needs your invite. Open the whole link that you were sent, up to its last letter.',
  },
} as const

/** The whole of /setup and of /join: an account in exchange for the secret of a link. */
export function CreateAccountScreen({ kind }: { kind: 'setup' | 'join' }) {
  const link = useLinkSecret()
  const { auth } = useAuth()
  const { action, description, missing, title } = WORDS[kind]

  useEffect(() => {
    void account.loadAuth()
  }, [])

  if (kind === 'setup' && auth?.needsSetup === false) {
    return (
      <AccountPage
        title="This server is set up"
        description="It needs no administrator any more: the link was good once. Whoever has no account yet asks them for an invite."
      >
        <SignInLink>Sign in</SignInLink>
      </AccountPage>
    )
  }
  if (link.kind === 'none') {
    return (
      <AccountPage title={title} description={missing}>
        <SignInLink>I have an account: sign in</SignInLink>
      </AccountPage>
    )
  }
  return (
    <AccountPage title={title} description={description}>
      <CreateAccountForm
        kind={kind}
        action={action}
        secret={link.kind === 'there' ? link.secret : ''}
      />
    </AccountPage>
  )
}

function SignInLink({ children }: { children: string }) {
  return (
    <Button asChild variant="outline" className="h-10 max-lg:h-11">
      <Link href="/sign-in">{children}</Link>
    </Button>
  )
}
