/** Why nobody was signed in, by the word that the server puts into the address; '' for a word that is not known. */
export const SIGN_IN_ERRORS: Readonly<Record<string, string>> = {
  '': 'The sign-in did not work. Try again.',
  open_id_denied: 'You were not signed in there. Try again, or sign in with a password.',
  open_id_failed:
    'What came back from there could not be used: it was begun in another browser, or took too long. Try again.',
  open_id_unavailable:
    'The other service cannot be reached just now. Try again in a moment, or sign in with a password.',
  no_account: 'You have no account here. Ask an administrator for an invite.',
  account_disabled: 'An administrator has closed your account.',
}
