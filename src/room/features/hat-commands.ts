/** The commands by which admins and owners make hats and give them out (XEP-0317 §§4.2 to 4.7). */
import type { Field, Form } from '../../xmpp/data-form.js'
import { value } from '../../xmpp/data-form.js'
import { Jid } from '../../xmpp/jid.js'
import type { StanzaError } from '../../xmpp/stanza-error.js'
import { atLeast } from '../roles.js'
import type { RoomCommand } from '../room-command.js'
import { isRefusal, refuse, type Speaker } from '../speaker.js'
import type { Hat, Operation, RoomState } from '../types.js'
import { hatsFault } from './hats.js'

const node = (name: string): string => `urn:xmpp:hats:commands:${name}`

const formOf = (title: string, instructions: string, fields: readonly Field[]): Form => ({
  type: 'form',
  title,
  instructions: [instructions],
  fields: [{ var: 'FORM_TYPE', type: 'hidden', values: ['urn:xmpp:hats:commands'] }, ...fields],
})

const isAdmin = (_state: RoomState, { affiliation }: Speaker): boolean => atLeast(affiliation, 'admin')
const isInside = (_state: RoomState, { affiliation, occupant }: Speaker): boolean =>
  occupant !== undefined || atLeast(affiliation, 'member')

const text = (name: string, label: string, required: boolean): Field => ({
  var: name,
  type: 'text-single',
  label,
  required,
  values: [],
})

const chosenHat = ({ config }: RoomState): Field => ({
  var: 'hats#uri',
  type: 'list-single',
  label: 'The hat',
  required: true,
  values: [],
  options: config.hats.map(({ title, uri }) => ({ label: title, value: uri })),
})

const wearer: Field = { var: 'hats#jid', type: 'jid-single', label: 'User Address', required: true, values: [] }

/** The hats as they shall be, or what is wrong with them. */
function changed(state: RoomState, hats: readonly Hat[]): readonly Operation[] | StanzaError {
  const fault = hatsFault(hats)
  if (fault !== undefined) return refuse(state, 'not-acceptable', fault)
  if (JSON.stringify(hats) === JSON.stringify(state.config.hats)) return []
  return [{ type: 'config', config: { ...state.config, hats }, revision: state.configRevision + 1 }]
}

function hatOf(state: RoomState, form: Form): Hat | StanzaError {
  const hat = state.config.hats.find(({ uri }) => uri === value(form, 'hats#uri'))
  return hat ?? refuse(state, 'item-not-found', 'The room has no hat with that URI')
}

/** The same list with this hat worn by others. */
const worn = (state: RoomState, hat: Hat, wearers: readonly string[]): readonly Hat[] =>
  state.config.hats.map((other) => (other === hat ? { ...hat, wearers } : other))

function wearerOf(state: RoomState, form: Form): string | StanzaError {
  const jid = Jid.tryParse(value(form, 'hats#jid')?.trim())
  return jid === undefined || jid.local === ''
    ? refuse(state, 'jid-malformed', 'Nobody has that address')
    : jid.bare().toString()
}

const create: RoomCommand = {
  node: node('create'),
  name: 'Create or change a hat',
  may: isAdmin,
  form: () =>
    formOf('Creating a Hat', 'Fill out this form to create a hat, or to change the one with this URI.', [
      text('hats#title', 'Hat Title', true),
      text('hats#uri', 'Hat URI', true),
      text('hats#hue', 'Hat Hue', false),
    ]),
  run: (state, form) => {
    const hue = value(form, 'hats#hue')
    const uri = value(form, 'hats#uri')?.trim() ?? ''
    const title = value(form, 'hats#title')?.trim() ?? ''
    const known = state.config.hats.find((hat) => hat.uri === uri)
    const hat: Hat = { uri, title, ...(hue ? { hue } : {}), wearers: known?.wearers ?? [] }
    const list =
      known === undefined ? [...state.config.hats, hat] : state.config.hats.map((one) => (one === known ? hat : one))
    return changed(state, list)
  },
}

const destroy: RoomCommand = {
  node: node('destroy'),
  name: 'Destroy a hat',
  may: isAdmin,
  form: (state) => formOf('Destroying a Hat', 'Nobody wears it any more.', [chosenHat(state)]),
  run: (state, form) => {
    const hat = hatOf(state, form)
    if (isRefusal(hat)) return hat
    return changed(
      state,
      state.config.hats.filter((other) => other !== hat),
    )
  },
}

const assign: RoomCommand = {
  node: node('assign'),
  name: 'Assign a hat',
  may: isAdmin,
  form: (state) => formOf('Assigning a Hat', 'Fill out this form to assign a hat.', [wearer, chosenHat(state)]),
  run: (state, form) => {
    const [hat, jid] = [hatOf(state, form), wearerOf(state, form)]
    if (isRefusal(hat)) return hat
    if (isRefusal(jid)) return jid
    return changed(state, worn(state, hat, [...hat.wearers.filter((other) => other !== jid), jid]))
  },
}

const unassign: RoomCommand = {
  node: node('unassign'),
  name: 'Remove a hat',
  may: isAdmin,
  form: (state) => formOf('Removing a Hat', 'Fill out this form to remove a hat.', [wearer, chosenHat(state)]),
  run: (state, form) => {
    const [hat, jid] = [hatOf(state, form), wearerOf(state, form)]
    if (isRefusal(hat)) return hat
    if (isRefusal(jid)) return jid
    return changed(
      state,
      worn(
        state,
        hat,
        hat.wearers.filter((other) => other !== jid),
      ),
    )
  },
}

const cell = (name: string, content: string | undefined): Field => ({ var: name, values: [content ?? ''] })
const row = ({ title, uri, hue }: Hat): Field[] => [
  cell('hats#title', title),
  cell('hats#uri', uri),
  cell('hats#hue', hue),
]
const table = (title: string, names: readonly string[], items: readonly (readonly Field[])[]): Form => ({
  type: 'result',
  title,
  fields: [],
  reported: names.map((name) => ({ var: name, values: [] })),
  items,
})

const list: RoomCommand = {
  node: node('list'),
  name: 'List hats',
  may: isInside,
  show: ({ config }) => table('Hats List', ['hats#title', 'hats#uri', 'hats#hue'], config.hats.map(row)),
}

const listAssigned: RoomCommand = {
  node: node('list-assigned'),
  name: 'List assigned hats',
  may: isAdmin,
  show: ({ config }) =>
    table(
      'Assigned Hats List',
      ['hats#jid', 'hats#title', 'hats#uri', 'hats#hue'],
      config.hats.flatMap((hat) => hat.wearers.map((jid) => [cell('hats#jid', jid), ...row(hat)])),
    ),
}

export const hatCommands: readonly RoomCommand[] = [create, destroy, list, assign, unassign, listAssigned]
