import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLinkVariable } from './link-variables.ts'

/** What a Service with a named port gives, and one of a name that begins with it. */
const KUBERNETES = {
  MINIPAY_SERVICE_HOST: '10.0.0.1',
  MINIPAY_SERVICE_PORT: '8080',
  MINIPAY_SERVICE_PORT_HTTP: '8080',
  MINIPAY_SERVICE_PORT_HTTP_ALT: '8081',
  MINIPAY_PORT: 'tcp://10.0.0.1:8080',
  MINIPAY_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
  MINIPAY_PORT_8080_TCP_PROTO: 'tcp',
  MINIPAY_PORT_8080_TCP_PORT: '8080',
  MINIPAY_PORT_8080_TCP_ADDR: '10.0.0.1',
  MINIPAY_PORT_53_UDP: 'udp://10.0.0.1:53',
  MINIPAY_HEADLESS_2_SERVICE_HOST: 'fd00::1',
  MINIPAY_HEADLESS_2_PORT: 'tcp://[fd00::1]:8080',
  MINIPAY_HOST_SERVICE_PORT: '80',
}
const DOCKER = {
  MINIPAY_PORT: 'tcp://172.17.0.5:8080',
  MINIPAY_NAME: '/web/minipay',
  MINIPAY_ENV_PATH: '/usr/bin',
  MINIPAY_ENV_MINIPAY_DATABASE: 'minipay.db',
}

test('what Kubernetes and Docker set for a service or a link of our name is recognised', () => {
  for (const env of [KUBERNETES, DOCKER])
    for (const name of Object.keys(env)) assert.equal(isLinkVariable(name, env), true, name)
})

test('a name without the value that belongs to it, or the other way round, is a mistake', () => {
  const mistakes = {
    MINIPAY_PORT: '8080',
    MINIPAY_PORT_8080_TCP: '8080',
    MINIPAY_PORT_TCP: 'tcp://10.0.0.1:8080',
    MINIPAY_PORT_8080_TCP_ADDR: 'db.example',
    MINIPAY_SERVICE_HOST: 'db.example',
    MINIPAY_SERVICE_PORT: 'tcp',
    MINIPAY_SERVICE_PORTS: '8080',
    MINIPAY_SERVICE: '10.0.0.1',
    MINIPAY_NAME: '/web/minipay',
    MINIPAY_ENV_PATH: '/usr/bin',
    MINIPAY_ENV: 'production',
    MINIPAY_DATBASE: 'tcp://10.0.0.1:8080',
    MINIPAY_HOSTS: '10.0.0.1',
  }
  for (const name of Object.keys(mistakes)) assert.equal(isLinkVariable(name, mistakes), false, name)
})
