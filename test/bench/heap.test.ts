/** The memory profile of the benchmark: a heap is divided among the parts that hold it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { heapByPart } from '../../bench/memory/heap.mjs'

const directory = mkdtempSync(join(tmpdir(), 'dmucd-heap-'))
afterAll(() => rmSync(directory, { recursive: true }))

const meta = {
  node_fields: ['type', 'name', 'id', 'self_size', 'edge_count'],
  node_types: [['hidden', 'object']],
  edge_fields: ['type', 'name_or_index', 'to_node'],
  edge_types: [['element', 'property', 'weak']],
}
const strings = ['', 'Room', 'Array', 'history', 'Nobody']
const object = (name: number, bytes: number, edges: number): number[] => [1, name, 0, bytes, edges]
const property = (name: number, node: number): number[] => [1, name, node * meta.node_fields.length]
const element = (node: number): number[] => [0, 0, node * meta.node_fields.length]
const weak = (node: number): number[] => [2, 0, node * meta.node_fields.length]

test('an object belongs to the part that its class or its property names, otherwise to what holds it', () => {
  const file = join(directory, 'a.heapsnapshot')
  const nodes = [
    object(0, 1, 3), // The root holds a room, something else, and weakly what nobody holds.
    object(1, 10, 2), // Room: its own array, and its history.
    object(2, 100, 0),
    object(2, 1000, 1), // The history, which holds another array.
    object(2, 10_000, 0),
    object(4, 100_000, 0),
    object(4, 1_000_000, 0),
  ]
  const edges = [element(1), element(5), weak(6), element(2), property(3, 3), element(4)]
  writeFileSync(file, JSON.stringify({ snapshot: { meta }, nodes: nodes.flat(), edges: edges.flat(), strings }))
  const parts = [
    { name: 'room', classes: ['Room'] },
    { name: 'history', properties: ['history'] },
  ]
  expect([...heapByPart(file, parts)]).toEqual([
    ['room', 110],
    ['history', 11_000],
    [undefined, 100_001],
  ])
})
