/** Data forms (XEP-0004): configuration, registration and extended service discovery speak through them. */
import { childText, type Element, elements, xml } from '../xml/element.js'
import { ns } from './namespaces.js'
import type { Xep } from './xep.js'

export const dataFormXeps: readonly Xep[] = [
  { number: 4, version: '2.13.2', test: 'xmpp/data-form.test.ts' },
  { number: 68, version: '1.3.0', test: 'xmpp/data-form.test.ts' },
]

export const formTypes = ['form', 'submit', 'cancel', 'result'] as const
export type FormType = (typeof formTypes)[number]

/** XEP-0004 §3.3. */
export const fieldTypes = [
  'boolean',
  'fixed',
  'hidden',
  'jid-multi',
  'jid-single',
  'list-multi',
  'list-single',
  'text-multi',
  'text-private',
  'text-single',
] as const
export type FieldType = (typeof fieldTypes)[number]

export interface Option {
  readonly label?: string
  readonly value: string
}

export interface Field {
  readonly var?: string
  /** Left out, it is `text-single`, or what the form that was filled in said. */
  readonly type?: FieldType
  readonly label?: string
  readonly desc?: string
  readonly required?: boolean
  readonly values: readonly string[]
  readonly options?: readonly Option[]
}

export interface Form {
  readonly type: FormType
  readonly title?: string
  readonly instructions?: readonly string[]
  readonly fields: readonly Field[]
  /** §3.4: several results, the columns and the rows; written, never read. */
  readonly reported?: readonly Field[]
  readonly items?: readonly (readonly Field[])[]
}

/** Undefined for what is not an `<x xmlns='jabber:x:data'/>` of a known type. */
export function readForm(element: Element): Form | undefined {
  const type = formTypes.find((known) => known === element.attrs.type)
  if (element.name !== 'x' || element.getNS() !== ns.dataForm || type === undefined) return undefined
  return {
    type,
    title: childText(element, 'title'),
    instructions: textsOf(element, 'instructions'),
    fields: childrenOf(element, 'field').map(readField),
  }
}

function readField(element: Element): Field {
  const { var: name, type, label } = element.attrs
  return {
    var: name,
    type: fieldTypes.find((known) => known === type),
    label,
    desc: childText(element, 'desc'),
    required: childrenOf(element, 'required').length > 0,
    values: textsOf(element, 'value'),
    options: childrenOf(element, 'option').map((option) => ({
      label: option.attrs.label,
      value: childText(option, 'value') ?? '',
    })),
  }
}

/** Children `name` in the form's own namespace. */
const childrenOf = (parent: Element, name: string): Element[] =>
  elements(parent).filter((node) => node.name === name && node.attrs.xmlns === undefined)

const textsOf = (parent: Element, name: string): string[] => childrenOf(parent, name).map((node) => node.getText())

export function writeForm(form: Form): Element {
  return xml(
    'x',
    { xmlns: ns.dataForm, type: form.type },
    text('title', form.title),
    ...(form.instructions ?? []).map((instruction) => text('instructions', instruction)),
    ...form.fields.map(writeField),
    form.reported && xml('reported', {}, ...form.reported.map(writeField)),
    ...(form.items ?? []).map((item) => xml('item', {}, ...item.map(writeField))),
  )
}

/** Children in the order of the schema (XEP-0004 §10). */
function writeField({ var: name, type, label, desc, required, values: given, options = [] }: Field): Element {
  return xml(
    'field',
    { var: name, type, label },
    text('desc', desc),
    required === true ? xml('required') : undefined,
    ...given.map((value) => text('value', value)),
    ...options.map((option) => xml('option', { label: option.label }, text('value', option.value))),
  )
}

const text = (name: string, content: string | undefined): Element | undefined =>
  content === undefined ? undefined : xml(name, {}, content)

/** What the form is about (XEP-0068): the value of its hidden field FORM_TYPE. */
export const formType = (form: Form): string | undefined => value(form, 'FORM_TYPE')

/** All values of the first field `name`; undefined where there is no such field. */
export const values = (form: Form, name: string): readonly string[] | undefined =>
  form.fields.find((field) => field.var === name)?.values

/** The first value of the field; undefined where there is no such field or it has none. */
export const value = (form: Form, name: string): string | undefined => values(form, name)?.[0]

/** A value of type `boolean` (XEP-0004 §3.3): 0, 1, false, true; undefined for everything else. */
export function booleanValue(form: Form, name: string): boolean | undefined {
  const given = value(form, name)
  if (given === '1' || given === 'true') return true
  return given === '0' || given === 'false' ? false : undefined
}
