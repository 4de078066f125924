'use client'

import Link from 'next/link'
import { useEffect } from 'react'

import { Button } from '@/components/ui/button'
import { useHydrated } from '@/hooks/useHydrated'
import { account, useAuth } from '@/stores/account.store'

import { AccountPage } from './AccountPage'
import { OpenIdButton } from './OpenIdButton'
import { SignInForm } from './SignInForm'
import { Trouble } from './SubmissionForm'
import { SIGN_IN_ERRORS } from './words'

/** The whole of /sign-in. */
export function SignInScreen() {
  const { auth, load } = useAuth()
  const error = useErrorInAddress()

  useEffect(() => {
    void account.loadAuth()
  }, [])

  if (auth?.mode === 'open') {
    return (
      <AccountPage
        title="No sign-in needed"
        description="This server is open to the machine it runs on: nobody signs in."
      >
        <Button asChild className="h-10 max-lg:h-11">
          <Link href="/chat">Go to the chat</Link>
        </Button>
      </AccountPage>
    )
  }
  if (auth?.needsSetup === true) {
    return (
      <AccountPage
        title="This server is new"
        description="It has no administrator yet. Open the link that it printed when it started: it makes the first account."
      >
        <p className="text-[0.8125rem] leading-5 text-muted-foreground">
          The link ends in <code className="font-mono">/setup#…</code> and stands in the terminal or
          the log of the server.
        </p>
        <Button variant="outline" onClick={() => void account.loadAuth()}>
          Look again
        </Button>
      </AccountPage>
    )
  }
  return (
    <AccountPage
      title="Sign in to Weir"
      footer="No account yet? Ask whoever runs this server for an invite."
    >
      {error !== undefined && <Trouble>{SIGN_IN_ERRORS[error] ?? SIGN_IN_ERRORS['']}</Trouble>}
      {load.kind === 'failed' && (
        <Trouble>
          <p>{load.failure.message}</p>
          <button
            type="button"
            className="mt-1 font-medium underline underline-offset-4"
            onClick={() => void account.loadAuth()}
          >
            Try again
          </button>
        </Trouble>
      )}
      <SignInForm />
      {auth?.openId !== undefined && <OpenIdButton provider={auth.openId} />}
    </AccountPage>
  )
}

/** Why the provider's sign-in failed, as the server's redirect says. */
function useErrorInAddress(): string | undefined {
  const hydrated = useHydrated()
  if (!hydrated) return undefined
  return new URLSearchParams(window.location.search).get('error') ?? undefined
}
