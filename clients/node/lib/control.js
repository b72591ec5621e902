// HTTP to the control API (docs/control-openapi.yaml).
'use strict';

const http = require('node:http');
const https = require('node:https');

// Over what the hub itself was asked to wait.
const ANSWER_WITHIN_MS = 15_000;

/** The control API refused. `code` and `reason` are those of the hub's errors, `status` is HTTP's. */
class ControlError extends Error {
  constructor(request, status, text) {
    let error = { message: text };
    try {
      error = JSON.parse(text).error ?? error;
    } catch {
      // No JSON: something else answered.
    }
    super(`${request}: ${status} ${error.message}${error.hint ? ` (${error.hint})` : ''}`);
    this.name = 'ControlError';
    this.status = status;
    this.code = error.code;
    this.errorName = error.name;
  }
}

class Control {
  /** `url` as http://localhost:8890; `hub` is the name of the hub that is meant, none for the one that `url` names. */
  constructor(url, token, hub) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
    this.hub = hub;
  }

  of(hub) {
    return new Control(this.url, this.token, hub);
  }

  /** The answer: JSON as such, other content as text, undefined for none. `body`: a string as it is, else sent as JSON. */
  request(method, path, { query = {}, body, waitMs = 0 } = {}) {
    const url = new URL(`${this.url}/_emulator/${path}`);
    for (const [name, value] of Object.entries({ ...query, hub: this.hub })) {
      if (value !== undefined) url.searchParams.append(name, value);
    }
    const headers = {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers['Content-Type'] = typeof body === 'string' ? 'application/yaml' : 'application/json';
    const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);

    return new Promise((resolve, reject) => {
      // No agent: a kept connection would keep the process of the tests.
      const options = { method, headers, agent: false, timeout: waitMs + ANSWER_WITHIN_MS };
      const request = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode >= 300) return reject(new ControlError(`${method} ${url}`, response.statusCode, text));
          const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
          resolve(isJson ? JSON.parse(text) : text || undefined);
        });
      });
      request.on('timeout', () => request.destroy(new Error(`${method} ${url}: no answer`)));
      request.on('error', reject);
      request.end(content);
    });
  }

  get(path, query, waitMs) {
    return this.request('GET', path, { query, waitMs });
  }

  post(path, body = {}, query = {}) {
    return this.request('POST', path, { body, query });
  }

  delete(path) {
    return this.request('DELETE', path);
  }
}

module.exports = { Control, ControlError };
