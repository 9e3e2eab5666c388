/** What an entity tells of itself or of a node (XEP-0030 §3), as XML. */
import type { DiscoInfo } from '../server/module.js'
import { type Element, xml } from '../xml/element.js'
import { writeForm } from '../xmpp/data-form.js'
import { ns } from '../xmpp/namespaces.js'

export const discoInfoElement = ({ identities, features, forms = [] }: DiscoInfo, node?: string): Element =>
  xml(
    'query',
    { xmlns: ns.discoInfo, node },
    ...identities.map(({ category, type, name }) => xml('identity', { category, type, name })),
    ...features.map((feature) => xml('feature', { var: feature })),
    ...forms.map(writeForm),
  )
