/** Names in certificates (RFC 6120 §13.7.1.2). The certificate was made with OpenSSL: CN=cn.example and one entry of each kind. */
import { X509Certificate } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { unproved } from '../../src/net/peer-certificate.js'
import { subjectNames } from '../../src/net/subject-names.js'
import { pinOf } from '../../src/net/tls.js'

const der = Buffer.from(
  [
    'MIICVzCCAf2gAwIBAgIUGrwNwxXJhx0uD+7sm/FdObWl5qswCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKY24uZXhhbXBsZTAeFw0yNjExMjIyMT',
    'I5MTNaFw0zNjExMTkyMTI5MTNaMBUxEzARBgNVBAMMCmNuLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT0T1w3KywAHEI/zfuK',
    'FyrFUMckN7YequFg+nDT1Zf0mF3KEwFiFFpLlyOotCohV7nq13TbkfkXtK1OA+SHsrLBo4IBKTCCASUwHQYDVR0OBBYEFM59hZSAIt3jnPWfWN',
    '71LXlRtzZ4MB8GA1UdIwQYMBaAFM59hZSAIt3jnPWfWN71LXlRtzZ4MA8GA1UdEwEB/wQFMAMBAf8wgdEGA1UdEQSByTCBxoINKi5kbnMuZXhh',
    'bXBsZaAmBggrBgEFBQcIB6AaFhhfeG1wcC1zZXJ2ZXIuc3J2LmV4YW1wbGWgKQYIKwYBBQUHCAegHRYbX3htcHAtY2xpZW50LmNsaWVudC5leG',
    'FtcGxloBoGCCsGAQUFBwgFoA4MDGFkZHIuZXhhbXBsZaAhBggrBgEFBQcIBaAVDBN1c2VyQHBlcnNvbi5leGFtcGxlgQ54QG1haWwuZXhhbXBs',
    'ZYYTaHR0cHM6Ly91cmkuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiEA8c7MRMqLfYFxBb6X6d5Wt+21x3crDSXI11wqoLl/dMkCIFDGchC1oP',
    '8GDtq0MPyjTKL/EVJOiFFrREBtVTJgrVLH',
  ].join(''),
  'base64',
)

test('dNSName, SRVName for servers, xmppAddr of a domain, of people apart; neither the common name nor what is for clients, mail', () => {
  expect(subjectNames(der)).toEqual({
    dns: ['*.dns.example'],
    xmpp: ['srv.example', 'addr.example'],
    jids: ['user@person.example'],
  })
})

test('each of them proves its domain, and nothing else does', () => {
  const names = subjectNames(der)
  const peer = {
    ...{ certificate: der, pin: pinOf(new X509Certificate(der)), trusted: true, reason: undefined },
    ...{ validTo: '', validUntil: Number.POSITIVE_INFINITY },
    ...{ subjectAltNames: names.dns, xmppNames: names.xmpp },
  }
  const proved = (domain: string): boolean =>
    unproved({ protocol: 'TLSv1.3', cipher: 'x', alpn: undefined, peer }, domain) === undefined
  const domains = ['a.dns.example', 'srv.example', 'addr.example']
  expect(domains.filter(proved)).toEqual(domains)
  const others = ['cn.example', 'client.example', 'person.example', 'mail.example', 'uri.example', 'a.srv.example']
  expect(others.filter(proved)).toEqual([])
})

test('cut or damaged at any byte it never throws, and names no other domain', () => {
  const allowed = ['*.dns.example', 'srv.example', 'addr.example']
  for (let at = 0; at < der.length; at++) {
    const cut = subjectNames(der.subarray(0, at))
    expect([...cut.dns, ...cut.xmpp].filter((name) => !allowed.includes(name))).toEqual([])
    const damaged = Buffer.from(der)
    damaged[at] = 0xff
    subjectNames(damaged)
  }
})
