/** What `npm start` ends with: where the page is, how each account logs in, and what to paste into a client. */

export interface AccountLogin {
  readonly jid: string
  readonly link: string
  /** Shown where it was made just now, and only then. */
  readonly password: string | undefined
  /** It had another one before, which is good no more. */
  readonly renewed: boolean
}

export interface Announcement {
  /** Undefined where no page is served. */
  readonly page: string | undefined
  readonly logins: readonly AccountLogin[]
  /** There may be links, though none was made now. */
  readonly canLink: boolean
  readonly room: string | undefined
  /** Where clients connect; undefined where nothing listens for them. */
  readonly clients: { readonly address: string; readonly port: number } | undefined
  /** The certificate that clients have to be told to trust. */
  readonly selfSigned: boolean
}

/** Text for a terminal, with its line ends. Holds secrets: never for the log. */
export function announce({ page, logins, canLink, room, clients, selfSigned }: Announcement): string {
  const lines = ['']
  if (page !== undefined) lines.push(`  The page            ${page}`)
  for (const { jid, link } of logins)
    lines.push(`  ${`Log in as ${jid.slice(0, jid.indexOf('@'))}`.padEnd(18)}  ${link}`)
  if (logins.length > 0)
    lines.push('', '  Each link works once, in a browser on this machine. New ones: npm start -- --show-login')
  else if (canLink) lines.push('', '  To log in, links and new passwords: Ctrl-C, then npm start -- --show-login')
  for (const { jid, password } of logins.filter(({ renewed }) => renewed))
    lines.push(`  ${jid} has a new password, ${password}; the one before is good no more.`)
  const shown = logins.find(({ jid, password }) => password !== undefined && !jid.startsWith('admin@')) ?? logins[0]
  if (shown !== undefined && clients !== undefined) lines.push(...profanity(shown, room, clients, selfSigned))
  lines.push('', '  Ctrl-C stops the server. What was said stays in the data directory.', '')
  return `${lines.join('\n')}\n`
}

function profanity(
  { jid, password }: AccountLogin,
  room: string | undefined,
  { address, port }: NonNullable<Announcement['clients']>,
  selfSigned: boolean,
): string[] {
  const trust = selfSigned ? ' tls trust' : ''
  return [
    '',
    '  In profanity:',
    `    /connect ${jid} server ${address} port ${port}${trust}`,
    ...(password === undefined ? [] : [`    (the password is ${password})`]),
    ...(room === undefined ? [] : [`    /join ${room}`]),
  ]
}
