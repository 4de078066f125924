/** Leaves for the sign-in page, which leads back here. What is being written stays in the browser's storage. */
export function goToSignIn(): void {
  const { pathname, search } = window.location
  window.location.replace(`/sign-in?next=${encodeURIComponent(pathname + search)}`)
}
