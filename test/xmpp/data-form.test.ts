import { describe, expect, test } from '@jest/globals'
import { parseDocument } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { booleanValue, type Form, formType, readForm, value, values, writeForm } from '../../src/xmpp/data-form.js'
import { wide } from '../xml/reading.js'

const read = (content: string, type = 'submit'): Form | undefined =>
  readForm(parseDocument(`<x xmlns='jabber:x:data' type='${type}'>${content}</x>`, wide, ''))

const form: Form = {
  type: 'form',
  title: 'A room',
  instructions: ['First.', 'Second.'],
  fields: [
    { var: 'FORM_TYPE', type: 'hidden', values: ['urn:x'] },
    { type: 'fixed', values: ['Section'] },
    { var: 'name', type: 'text-single', label: 'Name', desc: 'What it is called', required: true, values: ['<a>'] },
    {
      var: 'who',
      type: 'list-multi',
      values: ['a', 'b'],
      options: [{ label: 'The first', value: 'a' }, { value: 'b' }],
    },
    { var: 'empty', values: [] },
  ],
}

describe('XEP-0004', () => {
  test('a form is written in the order of the schema', () => {
    expect(serialize(writeForm(form))).toBe(
      "<x xmlns='jabber:x:data' type='form'><title>A room</title>" +
        '<instructions>First.</instructions><instructions>Second.</instructions>' +
        "<field var='FORM_TYPE' type='hidden'><value>urn:x</value></field>" +
        "<field type='fixed'><value>Section</value></field>" +
        "<field var='name' type='text-single' label='Name'><desc>What it is called</desc><required/><value>&lt;a&gt;</value></field>" +
        "<field var='who' type='list-multi'><value>a</value><value>b</value>" +
        "<option label='The first'><value>a</value></option><option><value>b</value></option></field>" +
        "<field var='empty'/></x>",
    )
  })

  test('and read again', () => {
    const again = readForm(parseDocument(serialize(writeForm(form)), wide, ''))
    expect(again).toMatchObject({ ...form, fields: form.fields.map(({ options: _, ...field }) => field) })
    expect(again?.fields[2]?.required).toBe(true)
    expect(again?.fields[0]?.required).toBe(false)
    expect(again?.fields[3]?.options).toEqual([
      { label: 'The first', value: 'a' },
      { label: undefined, value: 'b' },
    ])
    expect(again && serialize(writeForm(again))).toBe(serialize(writeForm(form)))
  })

  test('a submission tells a field without values from one that is not there', () => {
    const submitted = read(
      "<field var='a'/><field var='b'><value/></field><field var='c'><value>1</value><value>2</value></field>",
    )!
    expect(['a', 'b', 'c', 'd'].map((name) => values(submitted, name))).toEqual([[], [''], ['1', '2'], undefined])
    expect(['a', 'b', 'c', 'd'].map((name) => value(submitted, name))).toEqual([undefined, '', '1', undefined])
  })

  test('the first of two fields with one name counts', () => {
    const submitted = read("<field var='a'><value>1</value></field><field var='a'><value>2</value></field>")!
    expect(values(submitted, 'a')).toEqual(['1'])
  })

  test('booleans are 0, 1, false and true', () => {
    const field = (name: string) => `<field var='${name}'><value>${name}</value></field>`
    const names = ['0', '1', 'false', 'true', 'TRUE', 'yes', '']
    const submitted = read(names.map(field).join(''))!
    expect(names.map((name) => booleanValue(submitted, name))).toEqual([
      false,
      true,
      false,
      true,
      undefined,
      undefined,
      undefined,
    ])
    expect(booleanValue(submitted, 'missing')).toBeUndefined()
  })

  test('XEP-0068: FORM_TYPE', () => {
    expect(formType(form)).toBe('urn:x')
    expect(formType({ type: 'cancel', fields: [] })).toBeUndefined()
  })

  test('unknown types and foreign children are not read', () => {
    const submitted = read(
      "<field var='a' type='colour'><value xmlns='y'>1</value><value>2</value></field><field xmlns='y' var='b'/>",
    )!
    expect(submitted.fields).toHaveLength(1)
    expect(submitted.fields[0]).toMatchObject({ var: 'a', type: undefined, values: ['2'] })
  })

  test('what is no form is none', () => {
    expect(read('', 'nonsense')).toBeUndefined()
    expect(readForm(parseDocument("<x xmlns='jabber:x:data'/>", wide, ''))).toBeUndefined()
    expect(readForm(parseDocument("<x xmlns='y' type='submit'/>", wide, ''))).toBeUndefined()
    expect(readForm(parseDocument("<y xmlns='jabber:x:data' type='submit'/>", wide, ''))).toBeUndefined()
    expect(read('', 'cancel')).toMatchObject({ type: 'cancel', fields: [] })
  })
})
