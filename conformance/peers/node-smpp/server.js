// A foreign SMSC: accepts binds, answers submit_sm with an id, sends a receipt for it when one was asked for.
// Prints one JSON object per line for every step. Closing its stdin (or SIGTERM) ends it: exit 0 when it had nothing
// to complain about, 1 otherwise.
'use strict';

const smpp = require('smpp');

const options = readArguments(process.argv.slice(2), {
  host: '127.0.0.1',
  port: 0,
  'system-id': '', // empty: any account is taken
  password: '',
  'receipt-delay-ms': 50,
  stat: 'DELIVRD',
  err: '000', // beside stat in every receipt
  'undelivered-to': '', // recipients that end so get UNDELIV with err:027 instead
  refuse: 0, // the command_status of every submit_sm_resp
  mo: '', // a text sent to every receiver as soon as it is bound, in parts if it is long
  'answer-timeout-ms': 5000,
});

const STATES = { DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };
const MAY_RECEIVE = new Set(['bind_receiver', 'bind_transceiver']);
const MAY_SUBMIT = new Set(['bind_transmitter', 'bind_transceiver']);
const KNOWN = new Set(['bind_receiver', 'bind_transmitter', 'bind_transceiver', 'submit_sm', 'enquire_link', 'unbind']);

// Receipts belong to the account, not to the session that submitted; so receivers are kept beside each other.
const receivers = new Set();
const pending = []; // receipts that wait for a receiver
let accepted = 0;
let complaints = 0;
let stopping = false;

const server = smpp.createServer({}, serve);
server.listen(Number(options.port), options.host, () => tell('listening', { port: server.address().port }));
process.stdin.resume();
process.stdin.on('end', stop);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

function serve(session) {
  let bound = null;
  let highest = 0;
  let connected = true;
  tell('connected', {});

  session.on('error', (error) => {
    if (connected) complain('the octets make no PDU', { error: String(error.message || error) });
    session.destroy();
  });
  session.on('close', () => {
    connected = false;
    receivers.delete(session);
    tell('closed', {});
  });
  session.on('pdu', (pdu) => {
    if (pdu.command === 'unknown' || pdu.command === 'generic_nack') {
      complain('an unexpected PDU', { command: pdu.command, command_status: pdu.command_status });
      return;
    }
    if (pdu.isResponse()) return;
    if (pdu.command_status !== 0) complain('a request with a status', { command: pdu.command });
    if (pdu.sequence_number < 1 || pdu.sequence_number > 0x7fffffff) {
      complain('a sequence_number out of range', { sequence_number: pdu.sequence_number });
    }
    if (pdu.sequence_number === highest) complain('a sequence_number used twice', { sequence_number: highest });
    highest = pdu.sequence_number;
    if (!KNOWN.has(pdu.command)) {
      complain('a request this SMSC does not serve', { command: pdu.command });
      session.send(pdu.response({ command_status: smpp.ESME_RINVCMDID }));
    }
  });

  for (const command of ['bind_receiver', 'bind_transmitter', 'bind_transceiver']) {
    session.on(command, (pdu) => {
      if (bound) {
        complain('a second bind', { command });
        session.send(pdu.response({ command_status: smpp.ESME_RALYBND }));
        return;
      }
      const known = !options['system-id'] || options['system-id'] === pdu.system_id;
      const right = !options.password || options.password === pdu.password;
      const status = known && right ? 0 : smpp.ESME_RBINDFAIL;
      tell('bind', {
        command,
        system_id: pdu.system_id,
        system_type: pdu.system_type,
        interface_version: pdu.interface_version,
        addr_ton: pdu.addr_ton,
        addr_npi: pdu.addr_npi,
        address_range: pdu.address_range,
        command_status: status,
      });
      session.send(pdu.response({ command_status: status, system_id: 'node-smpp', sc_interface_version: 0x34 }));
      if (status) return;
      bound = command;
      if (!MAY_RECEIVE.has(command)) return;
      receivers.add(session);
      pending.splice(0).forEach((receipt) => deliver(session, 'receipt', receipt));
      if (options.mo) writeFromPhone(session, options.mo);
    });
  }

  session.on('submit_sm', (pdu) => {
    if (!MAY_SUBMIT.has(bound)) {
      complain('submit_sm in the wrong state', { bound });
      session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
      return;
    }
    const status = Number(options.refuse);
    const id = status ? '' : 'N' + String(++accepted).padStart(7, '0');
    tell('submit_sm', Object.assign({ message_id: id, command_status: status }, describe(pdu)));
    session.send(pdu.response({ command_status: status, message_id: id }));
    if (!status && (pdu.registered_delivery & 3) === 1) {
      setTimeout(() => report(pdu, id), Number(options['receipt-delay-ms']));
    }
  });
  session.on('enquire_link', (pdu) => {
    tell('enquire_link', { sequence_number: pdu.sequence_number });
    session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    tell('unbind', {});
    bound = null;
    receivers.delete(session);
    session.send(pdu.response(), undefined, () => session.close());
  });
}

function writeFromPhone(session, text) {
  const phone = {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: '447700900123',
    dest_addr_ton: 3, dest_addr_npi: 0, destination_addr: '60777',
  };
  if (text.length <= 70) {
    deliver(session, 'mo', Object.assign({ short_message: text }, phone));
    return;
  }
  const total = Math.ceil(text.length / 67);
  for (let part = 1; part <= total; part += 1) {
    const message = text.slice((part - 1) * 67, part * 67);
    const udh = Buffer.from([5, 0, 3, 0x7a, total, part]);
    deliver(session, 'mo', Object.assign({ esm_class: 0x40, data_coding: 8, short_message: { udh, message } }, phone));
  }
}

function report(pdu, id) {
  const now = new Date().toISOString().replace(/\D/g, '').slice(2, 12);
  const failed = options['undelivered-to'] && pdu.destination_addr.endsWith(options['undelivered-to']);
  const [stat, err] = failed ? ['UNDELIV', '027'] : [options.stat, options.err];
  const text =
    `id:${id} sub:001 dlvrd:${stat === 'DELIVRD' ? '001' : '000'} submit date:${now} done date:${now} ` +
    `stat:${stat} err:${err} text:`;
  const receipt = {
    esm_class: 0x04,
    source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi, source_addr: pdu.destination_addr,
    dest_addr_ton: pdu.source_addr_ton, dest_addr_npi: pdu.source_addr_npi, destination_addr: pdu.source_addr,
    short_message: text,
    receipted_message_id: id,
    message_state: STATES[stat] || 7,
  };
  const [session] = receivers;
  if (session) deliver(session, 'receipt', receipt);
  else pending.push(receipt);
}

function deliver(session, step, message) {
  const late = setTimeout(
    () => complain('deliver_sm was not answered', { message_id: message.receipted_message_id }),
    Number(options['answer-timeout-ms']),
  );
  const sent = session.deliver_sm(message, (answer) => {
    clearTimeout(late);
    tell(step + '_answered', { message_id: message.receipted_message_id, command_status: answer.command_status });
    if (answer.command !== 'deliver_sm_resp') complain('the wrong answer to deliver_sm', { command: answer.command });
  });
  if (sent) tell(step + '_sent', { message_id: message.receipted_message_id });
  else {
    clearTimeout(late);
    if (step === 'receipt') pending.push(message);
  }
}

function describe(pdu) {
  const fields = [
    'sequence_number', 'service_type', 'source_addr_ton', 'source_addr_npi', 'source_addr', 'dest_addr_ton',
    'dest_addr_npi', 'destination_addr', 'esm_class', 'protocol_id', 'priority_flag', 'validity_period',
    'registered_delivery', 'data_coding', 'sar_msg_ref_num', 'sar_total_segments', 'sar_segment_seqnum',
  ];
  const seen = {};
  for (const field of fields) if (field in pdu) seen[field] = plain(pdu[field]);
  seen.in_message_payload = 'message_payload' in pdu;
  const content = pdu.message_payload || pdu.short_message || {};
  seen.text = Buffer.isBuffer(content.message) ? content.message.toString('hex') : content.message;
  if (content.udh) seen.udh = content.udh.map((element) => element.toString('hex'));
  return seen;
}

function plain(value) {
  return value instanceof Date || Buffer.isBuffer(value) ? String(value) : value;
}

function tell(step, more) {
  process.stdout.write(JSON.stringify(Object.assign({ step }, more)) + '\n');
}

function complain(what, more) {
  complaints += 1;
  tell('complaint', Object.assign({ what }, more));
}

function stop() {
  if (stopping) return;
  stopping = true;
  tell('stopped', { accepted, complaints, receipts_waiting: pending.length });
  process.exit(complaints ? 1 : 0);
}

function readArguments(words, defaults) {
  const read = Object.assign({}, defaults);
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i].replace(/^--/, '');
    if (!(name in read) || i + 1 === words.length) {
      process.stderr.write(`server.js: options are --${Object.keys(defaults).join(' V --')} V\n`);
      process.exit(2);
    }
    read[name] = words[i + 1];
  }
  return read;
}
