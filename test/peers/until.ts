/** Waiting for another process, of which only what it has said so far can be seen. */

/** Resolves when `condition` holds; rejects after `timeoutMs` with what was waited for. What `condition` throws ends it too. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  timeoutMs = 60_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs / 1000} s for ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
