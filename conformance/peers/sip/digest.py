"""Digest as RFC 7616 and RFC 8760 have it, with Python's own hashes: the judge of what the daemon answers to challenges."""

import hashlib
import re

from wire import expect, token

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def hashed(algorithm, *parts):
    """The hash of the parts with colons between them."""
    data = b":".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    return hashlib.new(HASHES[algorithm.removesuffix("-sess")], data).hexdigest()


def parameters(value):
    """The parameters behind `Digest`, and which of them stood in quotes."""
    scheme, _, rest = value.partition(" ")
    expect(scheme.lower() == "digest", f"credentials of the scheme {scheme}")
    found = re.findall(r'(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]+)', rest)
    names = [name.lower() for name, _ in found]
    expect(len(names) == len(set(names)), f"a parameter twice in {value}")
    quoted = {name.lower() for name, text in found if text.startswith('"')}
    return {name.lower(): text.strip('"') for name, text in found}, quoted


class Nonce:
    """One nonce of ours: how often it was used, and the session's key where the algorithm has one."""

    def __init__(self, session=None):
        self.value, self.count, self.session = token(), 0, session


class Challenger:
    """One account: what it is challenged with, and whether an answer is right.

    `offers` are the challenges in order, each a dictionary that may say algorithm, qop and scheme. The first that RFC 7616
    knows is the one to be answered (RFC 8760 section 2.4).
    """

    def __init__(self, username, password, realm, offers):
        self.username, self.password, self.realm, self.offers = username, password, realm, offers
        self.nonces, self.opaque = {}, f"opaque {token()}"
        self.wanted = next(offer for offer in offers if offer.get("algorithm", "MD5").removesuffix("-sess") in HASHES
                           and offer.get("scheme", "Digest") == "Digest")

    def challenge(self, stale=False):
        """The values of the header, one for each offer, over a new nonce."""
        nonce = self.fresh()
        values = []
        for offer in self.offers:
            if offer.get("scheme", "Digest") != "Digest":
                values.append(f'{offer["scheme"]} realm="{self.realm}"')
                continue
            value = f'Digest realm="{self.realm}", nonce="{nonce.value}", opaque="{self.opaque}"'
            if "algorithm" in offer:
                value += f', algorithm={offer["algorithm"]}'
            if "qop" in offer:
                value += f', qop="{offer["qop"]}"'
            values.append(value + (", stale=TRUE" if stale else ""))
        return values

    def fresh(self, session=None):
        nonce = Nonce(session)
        self.nonces[nonce.value] = nonce
        return nonce

    def verify(self, value, method, uri, body):
        """Holds credentials against the password. Gives what was used, or None where the response is wrong.

        What no password excuses is a complaint: a count used twice, a parameter that does not belong there.
        """
        given, quoted = parameters(value)
        algorithm = self.wanted.get("algorithm", "MD5")
        offered = self.wanted.get("qop", "").split(",") if "qop" in self.wanted else []
        qop = "auth" if "auth" in offered else (offered[0] if offered else None)
        expect(given.get("username") == self.username, f"the username is not {self.username}: {value}")
        expect(given.get("realm") == self.realm, f"another realm: {value}")
        expect(given.get("uri") == uri, f"the uri is not the Request-URI {uri}: {value}")
        expect(given.get("opaque") == self.opaque, f"opaque is not as it was given: {value}")
        expect(given.get("algorithm") == self.wanted.get("algorithm"), f"not {self.wanted}: {value}")
        expect(given.get("qop") == qop, f"qop is not {qop}: {value}")
        expect({"username", "realm", "nonce", "uri", "response"} <= quoted, f"quotes are missing: {value}")
        expect(not {"algorithm", "qop", "nc"} & quoted, f"quotes too many: {value}")
        nonce = self.nonces.get(given["nonce"])
        expect(nonce is not None, f"a nonce that was never given: {value}")
        if qop:
            expect(re.fullmatch("[0-9a-f]{8}", given["nc"]), f"nc is not of 8 digits: {value}")
            expect(int(given["nc"], 16) == nonce.count + 1, f"nc is not {nonce.count + 1}: {value}")
        nonce.count += 1
        key = hashed(algorithm, self.username, self.realm, self.password)
        if algorithm.endswith("-sess"):
            nonce.session = nonce.session or hashed(algorithm, key, nonce.value, given["cnonce"])
            key = nonce.session
        what = [method, uri] + ([hashed(algorithm, body)] if qop == "auth-int" else [])
        use = [given["nc"], given["cnonce"], qop] if qop else []
        right = hashed(algorithm, key, nonce.value, *use, hashed(algorithm, *what))
        if given["response"] != right:
            return None
        return {"algorithm": algorithm, "qop": qop, "nonce": nonce, "key": key, "use": use, "uri": uri}

    def info(self, used, body, next_nonce, is_right):
        """An Authentication-Info that proves to know the password, or does not."""
        algorithm, use = used["algorithm"], used["use"]
        what = ["", used["uri"]] + ([hashed(algorithm, body)] if used["qop"] == "auth-int" else [])
        proof = hashed(algorithm, used["key"], used["nonce"].value, *use, hashed(algorithm, *what))
        parts = [f'rspauth="{proof if is_right else proof[::-1]}"']
        if use:
            parts += [f"qop={use[2]}", f'cnonce="{use[1]}"', f"nc={use[0]}"]
        if next_nonce:
            # The key of a session is that of its challenge.
            parts.append(f'nextnonce="{self.fresh(used["nonce"].session).value}"')
        return ", ".join(parts)


def test_of_the_judge():
    """The worked values of RFC 7616 section 3.9.1: a judge that can't do them judges nothing."""
    for algorithm, wanted in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ]:
        key = hashed(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
        use = ["7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
               "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth"]
        made = hashed(algorithm, key, *use, hashed(algorithm, "GET", "/dir/index.html"))
        expect(made == wanted, f"{algorithm} is not what RFC 7616 says")
