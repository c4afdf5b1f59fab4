"""SIP messages as far as this peer needs them, written from RFC 3261 alone, and the lines in which it tells its steps."""

import json
import random


class Complaint(Exception):
    """Something the daemon should not have done."""


def expect(true, what):
    if not true:
        raise Complaint(what)


def tell(step, **more):
    print(json.dumps({"step": step, **more}), flush=True)


def token():
    return f"{random.getrandbits(64):016x}"


COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type"}


class Message:
    """A start line, headers in order, and a body."""

    def __init__(self, start, headers, body=b""):
        self.start, self.headers, self.body = start, headers, body

    @classmethod
    def parse(cls, octets):
        head, _, body = octets.partition(b"\r\n\r\n")
        start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        headers = []
        for line in lines:
            if line[:1] in (" ", "\t"):
                name, value = headers.pop()
                headers.append((name, f"{value} {line.strip()}"))
            else:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                headers.append((COMPACT.get(name, name), value.strip()))
        return cls(start, headers, body)

    def encode(self):
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name]

    def get(self, name, default=None):
        return next(iter(self.all(name)), default)

    @property
    def is_request(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.start.split(" ")[0] if self.is_request else self.get("cseq").split()[1]

    @property
    def uri(self):
        return self.start.split(" ")[1]

    @property
    def status(self):
        return int(self.start.split(" ")[1])

    @property
    def sequence(self):
        return int(self.get("cseq").split()[0])

    @property
    def branch(self):
        return parameter(self.get("via"), "branch")


def parameter(value, name):
    """The value of `;name=value` behind an address or in a Via; None if it is not there."""
    for part in value.split(">")[-1].split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip()
    return None


def address(value):
    """The URI of a From, To or Contact, without its brackets."""
    return value.split("<")[1].split(">")[0] if "<" in value else value.split(";")[0].strip()


def user(uri):
    """The user part of a URI, without parameters and escapes of it."""
    return uri.split(":", 1)[1].split("@")[0].split(";")[0] if "@" in uri else ""


def response(request, status, reason, headers=(), body=b"", tag=None, source=None):
    """A response with what RFC 3261 section 8.2.6 takes over from the request."""
    vias = request.all("via")
    if source and ";rport" in vias[0]:
        vias[0] = vias[0].replace(";rport", f";rport={source[1]};received={source[0]}", 1)
    to = request.get("to")
    if tag and parameter(to, "tag") is None:
        to = f"{to};tag={tag}"
    copied = [("Via", via) for via in vias] + [("From", request.get("from")), ("To", to)]
    copied += [("Call-ID", request.get("call-id")), ("CSeq", request.get("cseq"))]
    return Message(f"SIP/2.0 {status} {reason}", copied + list(headers), body)


class Stream:
    """Cuts what a connection brings into messages; empty lines between them are counted."""

    def __init__(self):
        self.octets, self.empty_lines = b"", 0

    def push(self, octets):
        self.octets += octets

    def next(self):
        while self.octets.startswith(b"\r\n"):
            self.octets = self.octets[2:]
            self.empty_lines += 1
        head, end, rest = self.octets.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(Message.parse(head + end).get("content-length"))
        if len(rest) < length:
            return None
        self.octets = rest[length:]
        return Message.parse(head + end + rest[:length])
