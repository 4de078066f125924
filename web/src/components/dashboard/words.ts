/** An instance by the end of its id, which is where ids differ. */
export function instanceName(id: string): string {
  return id.slice(-6)
}

/** A length of time, as short as it can be said. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
