"""A carrier of calls in Python: registrar and callee, over UDP and TCP, that challenges every request but ACK and CANCEL.

It is written from RFC 3261, 7616 and 8760 alone and judges what the daemon sends. `--accounts` is a list in JSON, each account:

    username, password
    offers        its challenges in order: algorithm and qop of each, or the scheme of one that is no Digest
    status        401, or 407 as a proxy has it
    granted       seconds for which it is registered; 3600 if nothing is said
    min_expires   what is shorter is answered 423
    uses          how often one nonce may be used before it is stale
    info          "right" or "wrong": the proof (rspauth) in the answers
    next_nonce    the answers name the next nonce

Prints one JSON object per line for every step, "complaint" for what the daemon should not have done. Ends with its input.
"""

import argparse
import asyncio
import json
import sys

from digest import Challenger, test_of_the_judge
from wire import Complaint, Message, Stream, address, expect, parameter, response, tell, token, user

REALM = "carrier.example"
SDP = (b"v=0\r\no=- 7 7 IN IP4 192.0.2.44\r\ns=-\r\nc=IN IP4 192.0.2.44\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
       b"a=rtpmap:8 PCMA/8000\r\n")


class Account:
    """One account, and what it sent so far."""

    def __init__(self, plan):
        self.plan, self.username = plan, plan["username"]
        self.challenger = Challenger(self.username, plan["password"], REALM, plan["offers"])
        self.is_proxy = plan.get("status", 401) == 407
        self.header = "proxy-authorization" if self.is_proxy else "authorization"
        self.registered = None  # Call-ID, Contact and sequence of the last REGISTER


class Carrier:
    """Answers requests; knows nothing of what carries them."""

    def __init__(self, accounts, port):
        self.accounts = {account.username: account for account in accounts}
        self.port = port
        self.answered = {}  # branch and method: the last response
        self.calls = {}  # Call-ID: account, our tag, the INVITE's credentials

    def take(self, message, reply, source, transport):
        try:
            if not message.is_request:
                raise Complaint(f"a response to nothing: {message.start}")
            known = self.answered.get((message.branch, message.method))
            if known:
                return reply(known)

            def answer(*parts, **more):
                made = response(message, *parts, tag=self.tag(message), source=source, **more)
                self.answered[message.branch, message.method] = made
                reply(made)

            self.serve(message, answer, transport)
        except Complaint as complaint:
            tell("complaint", what=str(complaint))

    def tag(self, request):
        call = self.calls.get(request.get("call-id"))
        return call["tag"] if call else token()

    def serve(self, request, answer, transport):
        call = self.calls.get(request.get("call-id"))
        if request.method == "OPTIONS":
            return answer(200, "OK")
        if request.method == "ACK":
            if call and call["is_answered"]:
                expect(request.get(call["account"].header) == call["credentials"], "the ACK lacks the INVITE's credentials")
                tell("acknowledged", username=call["account"].username)
            return None
        account = call["account"] if call else self.account(request)
        used = self.authenticate(request, account, answer)
        if not used:
            return None
        info = self.info(account, used, SDP if request.method == "INVITE" else b"")
        shown = {"username": account.username, "algorithm": used["algorithm"], "qop": used["qop"],
                 "count": used["nonce"].count, "transport": transport}
        if request.method == "REGISTER":
            self.register(request, account, answer, info, shown)
        elif request.method == "INVITE":
            call = {"account": account, "tag": token(), "is_answered": True, "credentials": request.get(account.header)}
            self.calls[request.get("call-id")] = call
            answer(180, "Ringing")
            contact = f"<sip:callee@127.0.0.1:{self.port};transport={transport}>"
            headers = [("Contact", contact), ("Content-Type", "application/sdp"), *info]
            answer(200, "OK", headers, SDP)
            tell("called", **shown)
        elif request.method == "BYE":
            answer(200, "OK", info)
            tell("ended", **shown)
        else:
            raise Complaint(f"{request.method} is not expected")

    def account(self, request):
        """Whose request it is: REGISTER names the account in From, a call in Contact."""
        named = request.get("from" if request.method == "REGISTER" else "contact")
        account = self.accounts.get(user(address(named)))
        expect(account is not None, f"no account for {named}")
        return account

    def authenticate(self, request, account, answer):
        """What the credentials used; None if they were challenged."""
        challenger, given = account.challenger, request.all(account.header)
        expect(len(given) <= 1, f"credentials twice for one realm: {given}")
        used = challenger.verify(given[0], request.method, request.uri, request.body) if given else None
        is_stale = used is not None and used["nonce"].count > account.plan.get("uses", 1 << 32)
        if used and not is_stale:
            return used
        step = "stale" if is_stale else ("refused" if given else "challenged")
        tell(step, username=account.username, method=request.method)
        name = "Proxy-Authenticate" if account.is_proxy else "WWW-Authenticate"
        headers = [(name, value) for value in challenger.challenge(is_stale)]
        if account.is_proxy:
            answer(407, "Proxy Authentication Required", headers)
        else:
            answer(401, "Unauthorized", headers)
        return None

    def info(self, account, used, body):
        if "info" not in account.plan:
            return []
        name = "Proxy-Authentication-Info" if account.is_proxy else "Authentication-Info"
        is_right, names_next = account.plan["info"] == "right", account.plan.get("next_nonce", False)
        return [(name, account.challenger.info(used, body, names_next, is_right))]

    def register(self, request, account, answer, info, shown):
        contact, expires = request.get("contact"), int(request.get("expires"))
        call_id, sequence = request.get("call-id"), request.sequence
        expect(parameter(request.get("to"), "tag") is None, "To has a tag")
        expect(user(address(request.get("to"))) == account.username, "To is not the address of record")
        expect("@" not in request.uri, f"the registrar has a user: {request.uri}")
        if account.registered:
            known_id, known_contact, last = account.registered
            expect(call_id == known_id, "another Call-ID for the same registration")
            expect(contact == known_contact, f"another Contact, {contact}, for the same registration")
            expect(sequence > last, f"CSeq {sequence} after {last}")
        account.registered = (call_id, contact, sequence)
        if expires == 0:
            # RFC 3261 section 10.3: a removal is never too brief.
            tell("removed", **shown)
            return answer(200, "OK", info)
        if expires < account.plan.get("min_expires", 0):
            tell("too brief", expires=expires, **shown)
            return answer(423, "Interval Too Brief", [("Min-Expires", account.plan["min_expires"]), *info])
        granted = account.plan.get("granted", 3600)
        # Ours stands between bindings of others, and the header says what holds for none of them.
        bindings = f"<sip:other@192.0.2.77>;expires=7200, {contact};expires={granted}, <sip:third@192.0.2.78>;expires=60"
        answer(200, "OK", [("Contact", bindings), ("Expires", 9000), *info])
        return tell("registered", expires=expires, **shown)


class Datagrams(asyncio.DatagramProtocol):
    """The UDP socket of the carrier."""

    def __init__(self, carrier):
        self.carrier = carrier

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        if data.strip():
            reply = lambda message: self.transport.sendto(message.encode(), source)
            self.carrier.take(Message.parse(data), reply, source, "udp")


async def serve_stream(carrier, reader, writer):
    stream, source = Stream(), writer.get_extra_info("peername")
    while octets := await reader.read(65536):
        stream.push(octets)
        while message := stream.next():
            carrier.take(message, lambda reply: writer.write(reply.encode()), source, "tcp")
    writer.close()


async def run(accounts):
    carrier = Carrier(accounts, 0)
    server = await asyncio.start_server(lambda r, w: serve_stream(carrier, r, w), "127.0.0.1", 0)
    carrier.port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Datagrams(carrier), local_addr=("127.0.0.1", carrier.port))
    tell("listening", port=carrier.port)
    await loop.run_in_executor(None, sys.stdin.read)
    tell("stopped")


def main():
    parser = argparse.ArgumentParser(description="A carrier of calls that challenges and judges.")
    parser.add_argument("--accounts", type=json.loads, required=True)
    test_of_the_judge()
    asyncio.run(run([Account(plan) for plan in parser.parse_args().accounts]))


if __name__ == "__main__":
    main()
