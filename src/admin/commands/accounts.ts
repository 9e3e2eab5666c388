/** Accounts: make, change the password, delete, list. */

import { putPassword } from '../../server/account-password.js'
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
    await setPassword(operator, jid, password)
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
    await mustExist(operator, jid)
    await setPassword(operator, jid, password)
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
    await mustExist(operator, jid)
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
  async run(operator, { domain: given }) {
    const domains = userHosts(operator)
    const domain = given === undefined ? undefined : (Jid.tryParse(given)?.toString() ?? given)
    if (domain !== undefined && !domains.includes(domain)) throw new CommandRefused(noHost(operator, domain))
    const lists = await Promise.all(
      (domain === undefined ? domains : [domain]).map((one) => operator.store.accounts(one)),
    )
    const accounts = lists.flat().sort()
    return { text: accounts.length === 0 ? 'There are no accounts yet' : accounts.join('\n'), data: accounts }
  },
}

async function setPassword(operator: Operator, jid: string, password: string): Promise<void> {
  const deriveKeys = async (text: string) => {
    try {
      return await operator.deriveKeys(text)
    } catch (cause) {
      const why = 'it is empty, too long, or has characters that SASLprep forbids'
      throw new CommandRefused(`This password cannot be used: ${why}`, { cause })
    }
  }
  await putPassword(operator.store, deriveKeys, jid, password, operator.now())
}

async function mustExist(operator: Operator, jid: string): Promise<void> {
  if ((await operator.store.account(jid)) === undefined)
    throw new CommandRefused(`There is no account ${jid}; dmucctl listusers shows those there are`)
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
