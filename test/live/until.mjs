// Waiting for something to become true, within a generous bound: the machine may be busy, so a bound is for what never comes.

/** Milliseconds; DMUCD_PATIENCE_MS in the environment shortens or lengthens it. */
export const patienceMs = Number(process.env.DMUCD_PATIENCE_MS ?? 60_000)

/**
 * @template T
 * @param {() => T} condition looked at again and again
 * @param {string | (() => string)} what for the message, should it never come
 * @param {number} [withinMs]
 * @returns {Promise<T>} what the condition gave when it was first true
 */
export async function until(condition, what, withinMs = patienceMs) {
  const end = performance.now() + withinMs
  for (;;) {
    const value = condition()
    if (value) return value
    if (performance.now() > end)
      throw new Error(`waited ${withinMs / 1000} s in vain for ${typeof what === 'string' ? what : what()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
