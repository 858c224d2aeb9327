/** The provider `http` at the simulator, in a separate process. */
import { openBankProvider } from './bank-peer.ts'
import { providerContract } from './contract.ts'

providerContract('http', openBankProvider, {
  heard:
    'the bank keeps no requests; test/contract/provider/http-protocol.test.ts reads them off a scripted processor',
})
