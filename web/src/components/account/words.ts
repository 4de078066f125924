/** Why nobody was signed in, by the word that the server puts into the address; '' for a word that is not known. */
export const SIGN_IN_ERRORS: Readonly<Record<string, string>> = {
  '': 'The sign-in did not work. Try again.',
}
