/**
 * A heap snapshot of V8, divided among parts. Each object belongs to the part that its class, or the property by which it is held, names; one
 * that is not named belongs with what holds it, on the shortest way from the roots.
 */
import { readFileSync } from 'node:fs'

/**
 * @param {string} file
 * @param {readonly { name: string, classes?: readonly string[], properties?: readonly string[] }[]} parts
 * @returns {Map<string | undefined, number>} bytes by the name of the part; undefined: held by none of them
 */
export function heapByPart(file, parts) {
  const graph = new Graph(JSON.parse(readFileSync(file, 'utf8')))
  const byClass = new Map(parts.flatMap(({ classes = [] }, part) => classes.map((name) => [name, part])))
  const byProperty = new Map(parts.flatMap(({ properties = [] }, part) => properties.map((name) => [name, part])))
  const owner = new Int16Array(graph.count).fill(-1)
  const seen = new Uint8Array(graph.count)
  const queue = new Int32Array(graph.count)
  let end = 1
  seen[0] = 1
  for (let next = 0; next < end; next++) {
    const from = queue[next]
    graph.eachEdge(from, (property, to) => {
      if (seen[to] === 1) return
      seen[to] = 1
      owner[to] = byClass.get(graph.className(to)) ?? byProperty.get(property) ?? owner[from]
      queue[end++] = to
    })
  }
  const found = new Map([...parts.map(({ name }) => [name, 0]), [undefined, 0]])
  for (let node = 0; node < graph.count; node++) {
    if (seen[node] === 0) continue
    const part = parts[owner[node]]?.name
    found.set(part, found.get(part) + graph.bytes(node))
  }
  return found
}

class Graph {
  count
  #nodes
  #edges
  #strings
  #firstEdge
  #fields
  #edgeFields
  #types
  #weak
  #indexed

  constructor({ snapshot: { meta }, nodes, edges, strings }) {
    this.#nodes = nodes
    this.#edges = edges
    this.#strings = strings
    this.#fields = { ...places(meta.node_fields), width: meta.node_fields.length }
    this.#edgeFields = { ...places(meta.edge_fields), width: meta.edge_fields.length }
    this.#types = meta.node_types[0]
    const edgeTypes = meta.edge_types[0]
    this.#weak = edgeTypes.indexOf('weak')
    this.#indexed = new Set(['element', 'hidden'].map((type) => edgeTypes.indexOf(type)))
    this.count = nodes.length / this.#fields.width
    this.#firstEdge = new Int32Array(this.count + 1)
    for (let node = 0; node < this.count; node++)
      this.#firstEdge[node + 1] = this.#firstEdge[node] + nodes[node * this.#fields.width + this.#fields.edge_count]
  }

  bytes = (node) => this.#nodes[node * this.#fields.width + this.#fields.self_size]

  /** Of an object the name of its constructor, of anything else in parentheses what it is to V8. */
  className(node) {
    const at = node * this.#fields.width
    const type = this.#types[this.#nodes[at + this.#fields.type]]
    return type === 'object' || type === 'native' ? this.#strings[this.#nodes[at + this.#fields.name]] : `(${type})`
  }

  /** Those that keep what they point to alive. */
  eachEdge(node, visit) {
    const { width, type, name_or_index, to_node } = this.#edgeFields
    for (let edge = this.#firstEdge[node]; edge < this.#firstEdge[node + 1]; edge++) {
      const at = edge * width
      const kind = this.#edges[at + type]
      if (kind === this.#weak) continue
      const property = this.#indexed.has(kind) ? undefined : this.#strings[this.#edges[at + name_or_index]]
      visit(property, this.#edges[at + to_node] / this.#fields.width)
    }
  }
}

const places = (names) => Object.fromEntries(names.map((name, at) => [name, at]))
