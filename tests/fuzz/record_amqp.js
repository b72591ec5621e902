// The Node clients of record_amqp.py: a device that does everything a device can over AMQP, and a service beside it.
'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { Client: Device, Message } = require('azure-iot-device');
const { Amqp } = require('azure-iot-device-amqp');
const { Client: Service } = require('azure-iothub');

async function main() {
  const device = Device.fromConnectionString(process.env.DEVICE_CONNECTION_STRING, Amqp);
  const service = Service.fromConnectionString(process.env.IOTHUB_CONNECTION_STRING);
  await device.open();
  await service.open();
  for (const ask of ['getFeedbackReceiver', 'getFileNotificationReceiver']) {
    const { receiver } = await new Promise((resolve, reject) => {
      service[ask]((error, receiver) => (error ? reject(error) : resolve({ receiver })));
    });
    receiver.on('message', () => {});
  }

  const message = new Message('{"temperature":21}');
  message.messageId = 'm-1';
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('level', '2');
  await device.sendEvent(message);
  await device.sendEvent(new Message('a'));

  device.on('message', (each) => device.complete(each).catch(() => {}));
  await service.send('d1', Object.assign(new Message('hello'), { ack: 'full', messageId: 'c-1' }));

  const twin = await device.getTwin();
  twin.on('properties.desired', () => {});
  await new Promise((resolve, reject) => {
    twin.properties.reported.update({ firmware: '1.0' }, (error) => (error ? reject(error) : resolve()));
  });
  device.onDeviceMethod('reboot', (request, response) => response.send(200, { accepted: true }));
  await pause(500);
  await service.invokeDeviceMethod('d1', { methodName: 'reboot', payload: 1, connectTimeoutInSeconds: 5 });
  await pause(1000);
  await device.close();
  await service.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
