/** muc#owner (XEP-0045 §10.1, §10.2, §10.9): the configuration asked for, set and left as it is; the room's end. */
import { xml } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { changeAll } from './admin.js'
import type { AdminItem, CommandOf } from './command.js'
import { configForm, readConfig } from './config-form.js'
import type { Context } from './contract.js'
import { isRefusal, refuse, replyTo, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { Affiliation, Operation, RoomConfig, RoomState } from './types.js'

const ownersOnly = (state: RoomState, { affiliation }: Speaker): ReturnType<typeof refuse> | undefined =>
  affiliation === 'owner' ? undefined : refuse(state, 'forbidden', 'Only owners may do this')

export function decideConfigGet(state: RoomState, command: CommandOf<'config-get'>, context: Context): Verdict {
  const fault = ownersOnly(state, speakerOf(state, command, context))
  if (fault !== undefined) return fault
  const query = xml('query', { xmlns: ns.mucOwner }, configForm(state, context.policy))
  return { operations: [], reply: replyTo(state, command, query) }
}

export function decideConfigSet(state: RoomState, command: CommandOf<'config-set'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const fault = ownersOnly(state, speaker)
  if (fault !== undefined) return fault
  const operations: Operation[] = []
  if (command.form !== undefined) {
    const read = readConfig(command.form, state.config, context.policy)
    if (isRefusal(read)) return read
    const changed = changeAll(
      state,
      [...listItems(state, 'owner', read.owners), ...listItems(state, 'admin', read.admins)].filter(once()),
      speaker,
      context,
    )
    if (isRefusal(changed)) return changed
    operations.push(...changed.operations)
    if (!sameConfig(state.config, read.config))
      operations.push({ type: 'config', config: read.config, revision: state.configRevision + 1 })
  }
  if (state.locked) operations.push({ type: 'unlock' })
  return { operations, reply: replyTo(state, command) }
}

/** What it takes to make this of the configuration: hats are the admins' business, too. */
export const leastToConfigure = (present: RoomConfig, config: RoomConfig): Affiliation =>
  sameConfig(present, { ...config, hats: present.hats }) ? 'admin' : 'owner'

/** Do both say the same? What is not there is as if it were empty. */
export const sameConfig = (one: RoomConfig, other: RoomConfig): boolean =>
  (Object.keys({ ...one, ...other }) as (keyof RoomConfig)[]).every(
    (key) => JSON.stringify(one[key] ?? '') === JSON.stringify(other[key] ?? ''),
  )

/**
 * §10.2: a full list turned into changes. Who was an owner and is not listed becomes an admin; who was an admin goes back to
 * member where non-members may not stay, and to none elsewhere.
 */
function listItems(state: RoomState, affiliation: 'owner' | 'admin', list: readonly string[] | undefined): AdminItem[] {
  if (list === undefined) return []
  const wanted = new Set(
    list.filter((jid) => jid.trim() !== '').map((jid) => Jid.tryParse(jid.trim())?.bare().toString() ?? jid),
  )
  const lower = affiliation === 'owner' ? 'admin' : state.config.membersOnly ? 'member' : 'none'
  const lowered = [...state.register]
    .filter(([jid, entry]) => entry.affiliation === affiliation && !wanted.has(jid))
    .map(([jid]): AdminItem => ({ jid, affiliation: lower }))
  return [...[...wanted].map((jid): AdminItem => ({ jid, affiliation })), ...lowered]
}

/** The first change of a JID stands: who is listed as owner and as admin is an owner. */
const once = (): ((item: AdminItem) => boolean) => {
  const seen = new Set<string | undefined>()
  return ({ jid }) => !seen.has(jid) && seen.add(jid) !== undefined
}

/** §10.1.3: who cancels the first configuration gives the room up; later nothing changes. */
export function decideConfigCancel(state: RoomState, command: CommandOf<'config-cancel'>, context: Context): Verdict {
  const fault = ownersOnly(state, speakerOf(state, command, context))
  if (fault !== undefined) return fault
  return { operations: state.locked ? [{ type: 'destroy' }] : [], reply: replyTo(state, command) }
}

export function decideDestroy(state: RoomState, command: CommandOf<'destroy'>, context: Context): Verdict {
  const fault = ownersOnly(state, speakerOf(state, command, context))
  if (fault !== undefined) return fault
  const alternate = command.alternate === undefined ? undefined : Jid.tryParse(command.alternate)
  if (command.alternate !== undefined && alternate === undefined) return refuse(state, 'jid-malformed')
  return {
    operations: [
      {
        type: 'destroy',
        ...(command.reason === undefined ? {} : { reason: command.reason }),
        ...(alternate === undefined ? {} : { alternate: alternate.toString() }),
        ...(command.password === undefined ? {} : { password: command.password }),
      },
    ],
    reply: replyTo(state, command),
  }
}
