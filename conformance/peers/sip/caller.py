"""A caller over TCP that cuts and glues its messages in every way that a stream allows, and breaks their framing.

It is written from RFC 3261 and RFC 5626 alone. The platform behind the daemon has to answer every call. Prints one JSON
object per line for every part; exits 0 when everything came as it should, 1 with a "complaint" when it did not.
"""

import argparse
import socket
import sys

from wire import Complaint, Stream, address, expect, tell, token

PATIENCE = 60  # seconds for an answer; a busy machine needs a part of it
AT_ONCE = 30  # connections; as many of the last piece of work may still be closing
SDP = b"v=0\r\no=- 7 7 IN IP4 192.0.2.44\r\ns=-\r\nc=IN IP4 192.0.2.44\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
PING, PONG = b"\r\n\r\n", 1


class Connection:
    """One connection to the daemon."""

    def __init__(self, daemon):
        self.socket = socket.create_connection(daemon, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.stream = self.socket.getsockname()[1], Stream()

    def send(self, octets):
        self.socket.sendall(octets)

    def read(self):
        """Reads what there is; False at the end."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionResetError:
            octets = b""
        except TimeoutError:
            raise Complaint(f"neither an answer nor the end of the connection in {PATIENCE} s") from None
        self.stream.push(octets)
        return bool(octets)

    def next(self):
        """The next message; None at the end."""
        while not (message := self.stream.next()):
            if not self.read():
                return None
        return message

    def final(self, call_id, method):
        """The final response to a request. Provisional ones are passed over, and an answer that waits for its ACK."""
        while message := self.next():
            of_it = message.get("call-id") == call_id and message.method == method
            passes = not message.is_request and (message.status < 200 or message.method == "INVITE")
            expect(of_it or passes, f"unexpected: {message.start}")
            if of_it and message.status >= 200:
                return message
        raise Complaint(f"the connection ended before the answer to {method}")

    def options(self):
        """A fence: what was sent before has reached the daemon."""
        call_id = token()
        self.send(request("OPTIONS", call_id))
        expect(self.final(call_id, "OPTIONS").status == 200, "OPTIONS is refused")

    def is_closed(self):
        """Waits for the end, before which nothing may come."""
        expect(self.next() is None, "a message came before the end of the connection")


def request(method, call_id, number=1, to_tag="", contact=None, body=b"", length=None, uri="sip:95001@daemon.example"):
    """A request as octets. `length`: the lines that say how long the body is, if not the right one."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/TCP caller.example;rport;branch=z9hG4bK{token()}",
        "Max-Forwards: 70",
        "From: <sip:13800138000@caller.example>;tag=caller",
        f"To: <sip:95001@daemon.example>{to_tag}",
        f"Call-ID: {call_id}",
        f"CSeq: {number} {method}",
    ]
    lines += [f"Contact: {contact}"] if contact else []
    lines += ["Content-Type: application/sdp"] if body else []
    lines += [f"Content-Length: {len(body)}"] if length is None else length
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Call:
    """One call over a connection."""

    def __init__(self, connection):
        self.connection, self.id, self.answer = connection, token(), None

    def invite(self):
        contact = f"<sip:caller@127.0.0.1:{self.connection.port};transport=tcp>"
        return request("INVITE", self.id, contact=contact, body=SDP)

    def is_answered(self):
        self.answer = self.connection.final(self.id, "INVITE")
        expect(self.answer.status == 200, f"the call was answered {self.answer.start}")

    def inside(self, method, number):
        tag = ";tag=" + self.answer.get("to").split(";tag=")[1]
        return request(method, self.id, number, tag, uri=address(self.answer.get("contact")))

    def ack(self):
        return self.inside("ACK", 1)

    def bye(self):
        return self.inside("BYE", 2)

    def is_ended(self):
        expect(self.connection.final(self.id, "BYE").status == 200, "BYE was refused")


def splits(daemon):
    """A call for every octet at which a message of it can be cut in two; the halves never arrive together."""
    control = Connection(daemon)
    last = len(Call(control).invite()) - 1
    for first in range(1, last + 1, AT_ONCE):
        calls = [(Call(Connection(daemon)), at) for at in range(first, min(first + AT_ONCE, last + 1))]
        for write, check in [(Call.invite, Call.is_answered), (Call.ack, None), (Call.bye, Call.is_ended)]:
            rests = []
            for call, at in calls:
                octets = write(call)
                # The shorter messages of a call are cut at each of their octets more than once.
                at = (at - 1) % (len(octets) - 1) + 1
                call.connection.send(octets[:at])
                rests.append((call, octets[at:]))
            control.options()
            for call, rest in rests:
                call.connection.send(rest)
            for call, _ in rests:
                check and check(call)
        for call, _ in calls:
            call.connection.socket.close()
    tell("split", calls=last)


def dribble(daemon):
    """A whole call, octet by octet."""
    control, call = Connection(daemon), Call(Connection(daemon))
    for write, check in [(Call.invite, Call.is_answered), (Call.ack, None), (Call.bye, Call.is_ended)]:
        for at, octet in enumerate(write(call)):
            call.connection.send(bytes([octet]))
            if at % 16 == 0:
                control.options()
        check and check(call)
    tell("dribbled", calls=1)


def glued(daemon):
    """Fifty messages in one piece, three times: calls and other requests in turn, keep-alives among them."""
    connection = Connection(daemon)
    calls = [Call(connection) for _ in range(25)]
    for write, method in [(Call.invite, "INVITE"), (Call.ack, None), (Call.bye, "BYE")]:
        wanted, octets = {}, b""
        for number, call in enumerate(calls):
            other = token()
            octets += (PING if number % 10 == 0 else b"") + write(call) + request("OPTIONS", other)
            wanted[other, "OPTIONS"] = None
            if method:
                wanted[call.id, method] = call
        pongs = connection.stream.empty_lines + 3 * PONG
        connection.send(octets)
        while wanted:
            message = connection.next()
            expect(message, "the connection ended")
            if message.status >= 200:
                expect(message.status == 200, f"{message.start} among glued ones")
                key = message.get("call-id"), message.method
                expect(key in wanted or message.method == "INVITE", f"{message.start} for nothing")
                call = wanted.pop(key, None)
                if method == "INVITE" and call:
                    call.answer = message
        expect(connection.stream.empty_lines == pongs, "not every ping was answered once")
    tell("glued", calls=len(calls))


def keep_alives(daemon):
    """Pings are answered wherever they may stand, and nothing else is taken for one."""
    control, connection = Connection(daemon), Connection(daemon)

    def pongs_after(*pieces):
        before = connection.stream.empty_lines
        for piece in pieces:
            connection.send(piece)
            control.options()
        connection.options()
        return connection.stream.empty_lines - before

    body = b"v=0\r\n\r\n\r\n\r\ns=-\r\n"
    expect(pongs_after(PING) == PONG, "a ping before every message is not answered once")
    expect(pongs_after(b"\r", b"\n", b"\r", b"\n") == PONG, "a ping in four pieces is not answered once")
    expect(pongs_after(PING, PING) == 2 * PONG, "two pings are not answered twice")
    expect(pongs_after(b"\r\n") == 0, "an empty line before a message is answered")
    call_id = token()
    before = connection.stream.empty_lines
    connection.send(request("OPTIONS", call_id, body=body))
    expect(connection.final(call_id, "OPTIONS").status == 200, "a body with empty lines is refused")
    expect(connection.stream.empty_lines == before, "empty lines in a body are taken for a ping")
    connection.options()
    tell("kept alive")


def lengths(daemon):
    """What says no length, or a wrong one, ends the connection; who can be told is told why."""
    for what, lines, status in [
        ("none", [], 400),
        ("a word", ["Content-Length: many"], 400),
        ("below zero", ["Content-Length: -1"], 400),
        ("two that differ", ["Content-Length: 0", "l: 1"], 400),
        ("more than is taken", ["Content-Length: 65537"], 513),
    ]:
        connection, call_id = Connection(daemon), token()
        connection.send(request("OPTIONS", call_id, length=lines))
        told = connection.final(call_id, "OPTIONS").status
        expect(told == status, f"a length of {what} is answered {told}")
        connection.is_closed()
    for what, lines in [("twice the same", ["Content-Length: 0", "l: 0"]), ("folded", ["L \t:\r\n  0"])]:
        connection, call_id = Connection(daemon), token()
        connection.send(request("OPTIONS", call_id, length=lines))
        expect(connection.final(call_id, "OPTIONS").status == 200, f"a length {what} is refused")
        connection.options()
    # The message ends where its length says; what follows is none.
    connection, call_id = Connection(daemon), token()
    connection.send(request("OPTIONS", call_id, body=b"v=0\r\no=-\r\n\r\ns=-\r\n", length=["Content-Length: 5"]))
    expect(connection.final(call_id, "OPTIONS").status == 200, "a body longer than its length is refused")
    connection.is_closed()
    # The message takes the one behind it for its body, and still lacks some octets.
    connection = Connection(daemon)
    following = request("OPTIONS", token())
    connection.send(request("OPTIONS", token(), length=[f"Content-Length: {len(following) + 10}"]) + following)
    connection.is_closed()
    tell("lengths", unfinished=1)


def halves(daemon):
    """Messages that are never completed keep nobody waiting, and are given up."""
    control = Connection(daemon)
    octets = Call(control).invite()
    connections = [Connection(daemon) for _ in range(AT_ONCE - 5)]
    for number, connection in enumerate(connections):
        connection.send(octets[: 1 + number * (len(octets) - 2) // len(connections)])
    control.options()
    for connection in connections:
        connection.is_closed()
        control.options()
    tell("halves", unfinished=len(connections))


def main():
    parser = argparse.ArgumentParser(description="A caller that tries every split of its messages.")
    parser.add_argument("--daemon", required=True, help="host:port")
    host, port = parser.parse_args().daemon.rsplit(":", 1)
    try:
        for part in (splits, dribble, glued, keep_alives, lengths, halves):
            part((host, int(port)))
    except (Complaint, OSError) as complaint:
        tell("complaint", what=f"{part.__name__}: {type(complaint).__name__}: {complaint}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
