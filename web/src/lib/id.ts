/** A fresh random word of 128 bits, fit for an `Idempotency-Key`. Works on plain HTTP too, where `randomUUID` is missing. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A random UUID (version 4), where the contract asks for one. */
export function randomUuid(): string {
  const [a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/.exec(randomId())?.slice(1) ?? []
  return `${a}-${b}-4${c}-8${d}-${e}`
}
