/** What test/check finds fault with, on made-up declarations and runs. */
import { describe, expect, test } from '@jest/globals'
import type { Module } from '../../src/server/module.js'
import { declaredDialogues, dialoguesOf, type Report, unmoved, unplayed } from './dialogues.js'

const module = (name: string, ...xeps: NonNullable<Module['xeps']>): Module => ({
  name,
  hosts: ['user'],
  xeps,
  setup: () => [],
})
const ping = module('ping', { number: 199, version: '2.0.1', test: 'dialogue/queries.test.ts' })
const time = module(
  'time',
  { number: 202, version: '2.0', test: 'dialogue/queries.test.ts' },
  { number: 12, version: '2.0', test: 'dialogue/last.test.ts' },
)
const modules = [ping, time]
const [queries, last] = ['dialogue/queries.test.ts', 'dialogue/last.test.ts']
const run = (titles: Readonly<Record<string, string>>, file = queries): Report =>
  new Map([[file, Object.entries(titles).map(([title, status]) => ({ title, status }))]])

describe('the dialogue of a XEP', () => {
  test('is what carries its number where a file shows several XEPs, else the whole file', () => {
    expect(dialoguesOf(time, modules)).toEqual([
      { name: 'XEP-0012', file: last, title: '' },
      { name: 'XEP-0202', file: queries, title: 'XEP-0202' },
    ])
    expect(declaredDialogues(modules)).toEqual(expect.arrayContaining(dialoguesOf(ping, modules)))
  })

  test('of a module without XEPs is the test of its clauses', () => {
    const roster: Module = { ...module('roster'), rfc: { clauses: 'RFC 6121 §2', test: last } }
    expect(dialoguesOf(roster, [...modules, roster])).toEqual([{ name: 'RFC 6121 §2', file: last, title: '' }])
  })
})

describe('a run of all tests', () => {
  const dialogues = dialoguesOf(ping, modules)

  test.each([
    [run({ 'XEP-0199 ping': 'passed', 'XEP-0202 time': 'failed' }), []],
    [new Map(), ['XEP-0199 (test/dialogue/queries.test.ts): the file did not run']],
    [
      run({ 'XEP-0202 time': 'passed' }),
      ['XEP-0199 (test/dialogue/queries.test.ts): no test of it ran (titles have to name XEP-0199)'],
    ],
    [
      run({ 'XEP-0199 ping': 'pending' }),
      ['XEP-0199 (test/dialogue/queries.test.ts): no test of it ran (titles have to name XEP-0199)'],
    ],
    [
      run({ 'XEP-0199 ping': 'passed', 'XEP-0199 more': 'failed' }),
      ['XEP-0199 (test/dialogue/queries.test.ts): failed: XEP-0199 more'],
    ],
  ])('%#: dialogues have to be there, to run and to pass', (report, faults) => {
    expect(unplayed(dialogues, report)).toEqual(faults)
  })
})

test('a run without a module: its dialogues have to fail, each one', () => {
  const dialogues = dialoguesOf(ping, modules)
  const fault = ['XEP-0199 (test/dialogue/queries.test.ts): no test of it fails when the module "ping" is off']
  expect(unmoved('ping', dialogues, run({ 'XEP-0199 ping': 'failed', 'XEP-0202 time': 'pending' }))).toEqual([])
  expect(unmoved('ping', dialogues, run({ 'XEP-0199 ping': 'passed', 'XEP-0202 time': 'failed' }))).toEqual(fault)
  expect(unmoved('ping', dialogues, new Map([[queries, []]]))).toEqual(fault)
})
