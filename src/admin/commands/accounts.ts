/** Accounts: make, change the password, delete, list. */
import { Jid } from '../../xmpp/jid.js'
import { type AdminCommand, CommandRefused, type Operator } from '../command.js'

const jidArgument = { name: 'jid', doc: 'the address of the account, user@domain' } as const

export const addUser: AdminCommand = {
  name: 'adduser',
  summary: 'make an account',
  arguments: [jidArgument],
  password: true,
  examples: ['dmucctl adduser juliet@example.org', 'dmucctl adduser juliet@example.org --generate'],
  needs: 'store',
  async run(operator, { jid: given = '', password = '' }) {
    const jid = accountJid(operator, given)
    if ((await operator.store.account(jid)) !== undefined)
      throw new CommandRefused(`${jid} exists already; a new password is set by: dmucctl passwd ${jid}`)
    await writeAccount(operator, jid, password, operator.now())
    await operator.accountChanged(jid, 'added')
    return { text: `${jid} was made`, data: { jid } }
  },
}

export const passwd: AdminCommand = {
  name: 'passwd',
  summary: 'set a new password; the account is logged out everywhere',
  arguments: [jidArgument],
  password: true,
  examples: ['dmucctl passwd juliet@example.org', 'dmucctl passwd juliet@example.org --password-stdin <FILE'],
  needs: 'store',
  async run(operator, { jid: given = '', password = '' }) {
    const jid = accountJid(operator, given)
    const account = await existing(operator, jid)
    await writeAccount(operator, jid, password, account.createdAt, account.disabled)
    await operator.accountChanged(jid, 'password')
    return { text: `${jid} has a new password`, data: { jid } }
  },
}

export const deleteUser: AdminCommand = {
  name: 'deluser',
  summary: 'delete an account with its contact list, stored messages and private data',
  arguments: [jidArgument],
  examples: ['dmucctl deluser romeo@example.net'],
  needs: 'store',
  async run(operator, { jid: given = '' }) {
    const jid = accountJid(operator, given)
    await existing(operator, jid)
    await operator.store.commit([{ type: 'account.delete', jid }])
    await operator.accountChanged(jid, 'deleted')
    return { text: `${jid} was deleted`, data: { jid } }
  },
}

export const listUsers: AdminCommand = {
  name: 'listusers',
  summary: 'list the accounts of one host, or of all',
  arguments: [{ name: 'domain', doc: 'a virtual host', optional: true }],
  examples: ['dmucctl listusers', 'dmucctl listusers example.org'],
  needs: 'store',
  async run(operator, { domain }) {
    const domains = userHosts(operator)
    if (domain !== undefined && !domains.includes(domain)) throw new CommandRefused(noHost(operator, domain))
    const lists = await Promise.all(
      (domain === undefined ? domains : [domain]).map((one) => operator.store.accounts(one)),
    )
    const accounts = lists.flat().sort()
    return { text: accounts.length === 0 ? 'There are no accounts yet' : accounts.join('\n'), data: accounts }
  },
}

async function writeAccount(
  operator: Operator,
  jid: string,
  password: string,
  createdAt: number,
  disabled = false,
): Promise<void> {
  const keys = await deriveKeys(operator, password)
  await operator.store.commit([{ type: 'account.put', account: { jid, ...keys, createdAt, disabled } }])
}

async function deriveKeys(operator: Operator, password: string) {
  try {
    return await operator.deriveKeys(password)
  } catch (cause) {
    throw new CommandRefused('This password cannot be used: it is empty or has characters that SASLprep forbids', {
      cause,
    })
  }
}

async function existing(operator: Operator, jid: string) {
  const account = await operator.store.account(jid)
  if (account === undefined)
    throw new CommandRefused(`There is no account ${jid}; dmucctl listusers shows those there are`)
  return account
}

/** The prepared bare JID of an account at a virtual host of this server. */
function accountJid(operator: Operator, given: string): string {
  const jid = Jid.tryParse(given)
  if (jid === undefined || jid.local === '' || jid.resource !== '')
    throw new CommandRefused(
      `${JSON.stringify(given)} is not the address of an account; it looks like user@${userHosts(operator)[0]}`,
    )
  if (!userHosts(operator).includes(jid.domain)) throw new CommandRefused(noHost(operator, jid.domain))
  return jid.toString()
}

const userHosts = (operator: Operator): string[] =>
  operator.hosts.filter((host) => host.type === 'user').map((host) => host.domain)

const noHost = (operator: Operator, domain: string): string =>
  `There is no virtual host ${domain} in the configuration; there is ${userHosts(operator).join(', ')}`
