/** The longest prompt that the server takes, in bytes of UTF-8. */
export const MAX_PROMPT_BYTES = 256 * 1024

/** How many bytes of UTF-8 a prompt has beyond what the server takes; 0 for one that fits. */
export function bytesTooMany(text: string): number {
  // A UTF-16 unit is at most three bytes: nearly every text is settled without encoding it.
  if (text.length * 3 <= MAX_PROMPT_BYTES) return 0
  return Math.max(0, new TextEncoder().encode(text).length - MAX_PROMPT_BYTES)
}
