import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig, SETTINGS, type SettingKey } from './config.ts'
import { shownSettings } from './shown-settings.ts'

test('the audit log shows settings without secrets, passwords and the path of a URL', () => {
  const env = {
    MINIPAY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 'canary').toString('base64')}`,
    MINIPAY_SIMULATOR_SECRET: `whsec_${Buffer.alloc(24, 'canary').toString('base64')}`,
    MINIPAY_KEY: '',
    MINIPAY_DATABASE: 'postgres://shop:canary@db.example:5432/minipay',
    MINIPAY_ALLOWED_ORIGINS: 'https://shop.example',
    MINIPAY_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::1',
    WEBHOOK_TARGET: 'https://shop.example/hook/canary?token=canary',
  }
  const config = readConfig(Object.keys(SETTINGS) as SettingKey[], [], env)
  const shown = shownSettings(config)
  assert.equal(shown['port'], 8080)
  assert.equal(shown['webhook_target'], 'https://shop.example')
  assert.equal(shown['host'], '127.0.0.1')
  assert.equal(shown['docs'], 'loopback')
  assert.equal(shown['local_targets'], 'loopback')
  assert.deepEqual(shown['webhook_ports'], [443, 8443])
  assert.deepEqual(shown['allowed_origins'], ['https://shop.example'])
  assert.deepEqual(shown['trusted_proxies'], ['10.0.0.0/8', '2001:db8:0:0:0:0:0:1/128'])
  const text = JSON.stringify(shown)
  for (const secret of ['canary', env.MINIPAY_WEBHOOK_SECRET]) assert.ok(!text.includes(secret), text)
})
