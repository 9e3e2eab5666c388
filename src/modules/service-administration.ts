/**
 * XEP-0133: Service Administration by ad-hoc commands, for the accounts in `admins`: accounts, sessions, announcements. Stopping the server
 * is left to who can start it again.
 */
import type { CommandOutcome, Host, HostCommand, Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import { xml } from '../xml/element.js'
import { type Field, type Form, value, values } from '../xmpp/data-form.js'
import { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'

const adminNs = 'http://jabber.org/protocol/admin'
/** Of a list, at most so many; the number of all is told beside it. */
const mostListed = 1000

export const serviceAdministration: Module = {
  name: 'service_administration',
  xeps: [
    {
      number: 133,
      version: '1.3.1',
      without:
        'lists of disabled, active and idle users, rosters and statistics of users, welcome messages, messages of the day, blacklists, editing of administrators, restart and shutdown',
      test: 'dialogue/service-administration.test.ts',
    },
  ],
  hosts: ['user'],
  setup: (host) => commandsOf(host).map((command) => ({ kind: 'command', command })),
}

/** What a command is beside who may run it. */
type Described = Omit<HostCommand, 'may' | 'form'> & {
  readonly fields?: readonly Field[]
  readonly instructions?: string
}

function commandsOf(host: Host): readonly HostCommand[] {
  const described = [...accountCommands(host), ...sessionCommands(host), ...numberCommands(host)]
  return described.map(({ node, name, run, fields, instructions }) => ({
    node: `${adminNs}#${node}`,
    name,
    run,
    may: (from) => host.admins.has(from.bare().toString()),
    ...(fields && { form: () => formOf(name, instructions ?? 'Fill out this form.', fields) }),
  }))
}

const formType: Field = { var: 'FORM_TYPE', type: 'hidden', values: [adminNs] }
const formOf = (title: string, instructions: string, fields: readonly Field[]): Form => ({
  type: 'form',
  title,
  instructions: [instructions],
  fields: [formType, ...fields],
})

const accountField: Field = { var: 'accountjid', type: 'jid-single', label: 'The account', required: true, values: [] }
const accountsField: Field = {
  var: 'accountjids',
  type: 'jid-multi',
  label: 'The accounts',
  required: true,
  values: [],
}
const secret = (name: string, label: string): Field => ({
  ...{ var: name, type: 'text-private', label, required: true, values: [] },
})

function accountCommands(host: Host): readonly Described[] {
  const { accounts } = host
  const each =
    (work: (jid: string) => Promise<void>, done: string): Described['run'] =>
    async (_from, form) => {
      const jids = (values(form, 'accountjids') ?? []).map((text) => accountJid(host, text))
      if (jids.length === 0) throw new StanzaError('bad-request', { text: 'Say which accounts' })
      for (const jid of jids) await work(jid)
      return { note: `${done}: ${jids.join(', ')}` }
    }
  return [
    {
      node: 'add-user',
      name: 'Add a user',
      fields: [accountField, secret('password', 'The password'), secret('password-verify', 'The password once more')],
      async run(_from, form) {
        const jid = accountJid(host, value(form, 'accountjid'))
        const password = value(form, 'password') ?? ''
        if (password !== value(form, 'password-verify'))
          throw new StanzaError('bad-request', { text: 'The passwords are not the same' })
        await accounts.create(jid, password)
        return { note: `${jid} was made` }
      },
    },
    {
      node: 'delete-user',
      name: 'Delete users',
      instructions: 'With their contacts, messages and data. There is no way back.',
      fields: [accountsField],
      run: each((jid) => accounts.remove(jid), 'Deleted'),
    },
    {
      node: 'disable-user',
      name: 'Disable users',
      instructions: 'They are logged out and cannot log in; what is kept of them stays.',
      fields: [accountsField],
      run: each((jid) => accounts.setDisabled(jid, true), 'Disabled'),
    },
    {
      node: 'reenable-user',
      name: 'Re-enable users',
      fields: [accountsField],
      run: each((jid) => accounts.setDisabled(jid, false), 'Enabled'),
    },
    {
      node: 'change-user-password',
      name: "Change a user's password",
      instructions: 'The user is logged out everywhere.',
      fields: [accountField, secret('password', 'The new password')],
      async run(_from, form) {
        const jid = accountJid(host, value(form, 'accountjid'))
        await accounts.setPassword(jid, value(form, 'password') ?? '')
        return { note: `${jid} has a new password` }
      },
    },
  ]
}

function sessionCommands(host: Host): readonly Described[] {
  return [
    {
      node: 'end-user-session',
      name: 'End sessions of users',
      instructions: 'Of an account all sessions; of a full address that one.',
      fields: [accountsField],
      run(_from, form) {
        let ended = 0
        for (const text of values(form, 'accountjids') ?? []) {
          accountJid(host, text)
          ended += host.accounts.endSessions(Jid.parse(text).toString(), 'An administrator has ended this session')
        }
        return { note: `${ended} sessions were ended` }
      },
    },
    {
      node: 'announce',
      name: 'Send an announcement to online users',
      fields: [
        { var: 'subject', type: 'text-single', label: 'Subject', values: [] },
        { var: 'announcement', type: 'text-multi', label: 'The announcement', required: true, values: [] },
      ],
      run(_from, form) {
        const body = (values(form, 'announcement') ?? []).join('\n')
        if (body.trim() === '') throw new StanzaError('bad-request', { text: 'There is nothing to announce' })
        const subject = value(form, 'subject')
        const recipients = online(host)
        const message = xml(
          'message',
          { type: 'headline', from: host.domain, id: host.random.token() },
          subject ? xml('subject', {}, subject) : undefined,
          xml('body', {}, body),
        )
        host.router.broadcast(
          message,
          recipients.map(({ jid }) => jid.toString()),
        )
        return { note: `Sent to ${recipients.length} clients` }
      },
    },
  ]
}

function numberCommands(host: Host): readonly Described[] {
  const registered = (): Promise<string[]> => host.store.accounts(host.domain)
  const present = (): string[] => [...new Set(online(host).map(({ jid }) => jid.bare().toString()))].sort()
  return [
    {
      node: 'get-registered-users-num',
      name: 'Number of registered users',
      run: async () => told('registeredusersnum', [String((await registered()).length)]),
    },
    {
      node: 'get-registered-users-list',
      name: 'List of registered users',
      run: async () => told('registereduserjids', await registered(), 'jid-multi'),
    },
    {
      node: 'get-online-users-num',
      name: 'Number of online users',
      run: () => told('onlineusersnum', [String(present().length)]),
    },
    {
      node: 'get-online-users-list',
      name: 'List of online users',
      run: () => told('onlineuserjids', present(), 'jid-multi'),
    },
  ]
}

const told = (name: string, all: readonly string[], type: Field['type'] = 'text-single'): CommandOutcome => ({
  form: { type: 'result', fields: [formType, { var: name, type, values: all.slice(0, mostListed) }] },
  ...(all.length > mostListed && { note: `These are the first ${mostListed} of ${all.length}` }),
})

const online = (host: Host): Session[] =>
  [...host.sessions.all()].filter(({ jid, presence }) => jid.domain === host.domain && presence !== undefined)

/** The bare JID of an account of this host, whether there is one or not. Throws StanzaError. */
function accountJid(host: Host, text: string | undefined): string {
  const jid = Jid.tryParse(text?.trim())
  if (jid === undefined || jid.local === '')
    throw new StanzaError('jid-malformed', { text: `${(text ?? '').slice(0, 100)} is no address of an account` })
  if (jid.domain !== host.domain)
    throw new StanzaError('not-acceptable', { text: `Only accounts of ${host.domain} are administered here` })
  return jid.bare().toString()
}
