/** docs/doap.xml: what the server is and implements, in the vocabularies of DOAP and of XEP-0453. */
import type { Module } from '../server/module.js'
import { fourDigits, rfcs, type Specification, specifications } from './specifications.js'

const vocabulary = 'https://linkmauve.fr/ns/xmpp-doap#'

/** Of package.json. The licence is an identifier of SPDX. */
export interface Project {
  readonly name: string
  readonly description: string
  readonly license: string
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const supported = ({ number, version, status, without }: Specification): string => `    <implements>
      <xmpp:SupportedXep>
        <xmpp:xep rdf:resource="https://xmpp.org/extensions/xep-${fourDigits(number)}.html"/>
        <xmpp:version>${version}</xmpp:version>
        <xmpp:status>${status}</xmpp:status>${
          without.length === 0
            ? ''
            : `
        <xmpp:note>without ${escaped(without.join('; '))}</xmpp:note>`
        }
      </xmpp:SupportedXep>
    </implements>`

export const doap = (
  modules: readonly Module[],
  { name, description, license }: Project,
): string => `<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmpp="${vocabulary}" xml:lang="en">
  <Project xmlns="http://usefulinc.com/ns/doap#">
    <name>${escaped(name)}</name>
    <shortdesc>XMPP server with distributed chat rooms</shortdesc>
    <description>${escaped(description)}</description>
    <category rdf:resource="${vocabulary}category-xmpp"/>
    <category rdf:resource="${vocabulary}category-jabber"/>
    <category rdf:resource="${vocabulary}category-server"/>
    <license rdf:resource="https://spdx.org/licenses/${license}.html"/>
    <programming-language>TypeScript</programming-language>
${rfcs.map((number) => `    <implements rdf:resource="https://www.rfc-editor.org/info/rfc${number}"/>`).join('\n')}
${specifications(modules).map(supported).join('\n')}
  </Project>
</rdf:RDF>
`
