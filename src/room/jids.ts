/** Parts of prepared JIDs as strings: what is in a room's state was prepared before it came in, so no parser is needed. */
export function bareOf(jid: string): string {
  const slash = jid.indexOf('/')
  return slash < 0 ? jid : jid.slice(0, slash)
}

export function domainOf(jid: string): string {
  const bare = bareOf(jid)
  return bare.slice(bare.indexOf('@') + 1)
}

export function resourceOf(jid: string): string | undefined {
  const slash = jid.indexOf('/')
  return slash < 0 ? undefined : jid.slice(slash + 1)
}
