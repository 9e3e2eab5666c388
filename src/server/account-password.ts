/** Stores a password as SCRAM keys, and makes the account where there is none. */
import type { Account, Store, Write } from '../store/store.js'

/** Resolves when it is durable, and `more` with it. Rejects what `deriveKeys` refuses. */
export async function putPassword(
  store: Store,
  deriveKeys: (password: string) => Promise<Pick<Account, 'sha1' | 'sha256' | 'sha512'>>,
  jid: string,
  password: string,
  nowMs: number,
  more: readonly Write[] = [],
): Promise<void> {
  const [known, keys] = await Promise.all([store.account(jid), deriveKeys(password)])
  const account = { jid, ...keys, createdAt: known?.createdAt ?? nowMs, disabled: known?.disabled ?? false }
  await store.commit([{ type: 'account.put', account }, ...more])
}
