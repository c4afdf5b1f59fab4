"""A foreign ESME: binds, submits, waits for the receipts, unbinds.

Prints one JSON object per line for every step. Exits 0 when everything came as it should, 1 on a complaint about the
protocol, 2 when it could not connect.
"""

import argparse
import json
import re
import socket
import sys
import time

import smpplib.client
import smpplib.consts as consts
import smpplib.exceptions
import smpplib.gsm


class Complaint(Exception):
    """Something the other side should not have done."""


def main():
    options = read_arguments()
    client = smpplib.client.Client(options.host, options.port, timeout=1, allow_unknown_opt_params=True)
    try:
        client.connect()
    except smpplib.exceptions.ConnectionError as refused:
        tell("refused", error=str(refused))
        return 2
    try:
        run(client, options)
    except smpplib.exceptions.PDUError as refusal:
        tell("complaint", what=f"PDUError: {refusal}", command_status=refusal.args[1])
        return 1
    except (Complaint, smpplib.exceptions.ConnectionError) as complaint:
        tell("complaint", what=f"{type(complaint).__name__}: {complaint}")
        return 1
    tell("stopped", complaints=0)
    return 0


def run(client, options):
    bound = getattr(client, "bind_" + options.mode)(system_id=options.system_id, password=options.password)
    tell("bound", system_id=text(bound.system_id), mode=options.mode)

    submitted, ids, receipts, others = {}, {}, {}, []

    def answered(pdu, **_):
        expect(pdu.sequence in submitted, "submit_sm_resp for a sequence_number that was not used")
        expect(pdu.sequence not in ids, "a second submit_sm_resp")
        expect(bool(pdu.message_id), "an empty message_id")
        ids[pdu.sequence] = text(pdu.message_id)
        tell("submit_sm_resp", sequence_number=pdu.sequence, message_id=ids[pdu.sequence])

    def received(pdu, **_):
        if pdu.esm_class & 0x3C != 0x04:
            others.append(pdu)
            tell("deliver_sm", source_addr=text(pdu.source_addr), destination_addr=text(pdu.destination_addr),
                 data_coding=pdu.data_coding, short_message=(pdu.short_message or b"").hex())
            return consts.SMPP_ESME_ROK
        receipt = read_receipt(pdu)
        tell("receipt", **receipt)
        expect(receipt["source_addr"] == options.to and receipt["destination_addr"] == options.sender,
               "a receipt whose addresses are not those of the submit, swapped")
        receipts[receipt["message_id"]] = receipt
        return consts.SMPP_ESME_ROK

    client.set_message_sent_handler(answered)
    client.set_message_received_handler(received)

    for number in range(options.count):
        parts, coding, esm_class = smpplib.gsm.make_parts(f"{options.text} {number}" if number else options.text)
        for part in parts:
            pdu = client.send_message(
                source_addr_ton=5 if not options.sender.isdigit() else 1,
                source_addr_npi=0 if not options.sender.isdigit() else 1,
                source_addr=options.sender,
                dest_addr_ton=1, dest_addr_npi=1, destination_addr=options.to,
                short_message=part, data_coding=coding, esm_class=esm_class,
                registered_delivery=0 if options.no_receipts else 1,
            )
            submitted[pdu.sequence] = pdu
            tell("submit_sm", sequence_number=pdu.sequence, data_coding=coding, esm_class=esm_class, octets=len(part))

    deadline = time.monotonic() + options.timeout
    listen(client, deadline, lambda: len(ids) == len(submitted), "submit_sm_resp")
    if not options.no_receipts and options.mode == "transceiver":
        listen(client, deadline, lambda: set(ids.values()) <= set(receipts), "receipts")
        for receipt in receipts.values():
            expect(receipt["stat"] == options.stat, f"a receipt with stat {receipt['stat']}, not {options.stat}")
    listen(client, deadline, lambda: len(others) >= options.mo, "messages of subscribers")

    unbind(client, deadline)
    client.disconnect()


def listen(client, deadline, done, what):
    """Serves the session until `done`; smpplib itself answers deliver_sm and enquire_link."""
    while not done():
        expect(time.monotonic() < deadline, f"no {what} in time")
        try:
            client.read_once(auto_send_enquire_link=False)
        except socket.timeout:
            continue


def unbind(client, deadline):
    """Other PDUs may cross our unbind; smpplib's own unbind() would take the first one for the answer."""
    client.send_pdu(smpplib.smpp.make_pdu("unbind", client=client))
    while True:
        expect(time.monotonic() < deadline, "no unbind_resp in time")
        try:
            pdu = client.read_pdu()
        except socket.timeout:
            continue
        if pdu.command == "unbind_resp":
            expect(pdu.status == 0, "unbind was refused")
            tell("unbound")
            return
        if pdu.command == "deliver_sm":
            client._message_received(pdu)
        elif pdu.command == "enquire_link":
            client._enquire_link_received(pdu)


def read_receipt(pdu):
    content = (pdu.short_message or pdu.message_payload or b"").decode("latin-1")
    found = {key: value for key, value in re.findall(r"\b(id|stat|err):(\S*)", content)}
    message_id = text(pdu.receipted_message_id) or found.get("id")
    expect(bool(message_id), "a receipt without an id")
    return {
        "message_id": message_id,
        "message_state": pdu.message_state,
        "stat": found.get("stat"),
        "text_id": found.get("id"),
        "source_addr": text(pdu.source_addr),
        "destination_addr": text(pdu.destination_addr),
    }


def text(octets):
    return octets.rstrip(b"\0").decode("latin-1") if isinstance(octets, bytes) else octets


def expect(true, what):
    if not true:
        raise Complaint(what)


def tell(step, **more):
    print(json.dumps({"step": step, **more}), flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--system-id", default="esme01")
    parser.add_argument("--password", default="pa55word")
    parser.add_argument("--mode", choices=["transceiver", "transmitter"], default="transceiver")
    parser.add_argument("--sender", default="15550100", help="source_addr")
    parser.add_argument("--to", default="447700900123", help="destination_addr")
    parser.add_argument("--text", default="Hello @ world")
    parser.add_argument("--count", type=int, default=1, help="messages to submit")
    parser.add_argument("--mo", type=int, default=0, help="messages of subscribers to wait for")
    parser.add_argument("--stat", default="DELIVRD", help="what every receipt must say")
    parser.add_argument("--no-receipts", action="store_true", help="ask for none and wait for none")
    parser.add_argument("--timeout", type=float, default=10, help="seconds for all of it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
