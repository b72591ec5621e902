// Makes this process trust an emulator's CA, for which NODE_EXTRA_CA_CERTS is too late: Node reads it when it starts.
'use strict';

const tls = require('node:tls');

// On Node's own module: Jest loads this file anew for each test file, and tls only once.
const AUTHORITIES = Symbol.for('iothub-emulator.authorities');

/** From now on, clients that name no CAs of their own trust it, beside what they trusted before. */
function trustInThisProcess(caPem) {
  if (!tls[AUTHORITIES]) {
    const authorities = new Set();
    const { createSecureContext } = tls;
    tls[AUTHORITIES] = authorities;
    tls.createSecureContext = (options) => {
      const secure = createSecureContext(options);
      if (!options?.ca) for (const authority of authorities) secure.context.addCACert(authority);
      return secure;
    };
  }
  tls[AUTHORITIES].add(caPem);
}

module.exports = { trustInThisProcess };
