'use strict';

const { startHub, Emulator } = require('./lib/emulator');
const { Hub, MessagesMissing } = require('./lib/hub');
const { ControlError } = require('./lib/control');

module.exports = { startHub, Emulator, Hub, MessagesMissing, ControlError };
