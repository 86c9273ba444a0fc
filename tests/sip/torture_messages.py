"""SIP messages that are hard to read or wrong, one for each kind that RFC 4475 tells of.

They are written here for these tests: each says what its name says and is otherwise plain.
"""

from __future__ import annotations

HEADERS = {
    "Via": "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKhard",
    "Max-Forwards": "70",
    "From": "<sip:carol@example.org>;tag=c1",
    "To": "<sip:desk@example.org>",
    "Call-ID": "hard@192.0.2.7",
    "CSeq": "1 OPTIONS",
    "Contact": "<sip:carol@192.0.2.7>",
    "Content-Length": "0",
}


def request(
    method: str = "OPTIONS",
    uri: str = "sip:desk@example.org",
    version: str = "SIP/2.0",
    *,
    body: str = "",
    line: str | None = None,
    more: str = "",
    **changed: str | None,
) -> bytes:
    """A request with some headers changed, or left out if None; ``_`` stands for ``-``."""
    headers: dict[str, str | None] = {**HEADERS, "CSeq": f"1 {method}"}
    headers["Content-Length"] = str(len(body))
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    first = line if line is not None else f"{method} {uri} {version}"
    lines = [first, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n" + more + "\r\n" + body).encode()


def response(first: str, **changed: str) -> bytes:
    return request(line=first, **changed)


ODD_SPACE = (
    b"INVITE sip:desk@example.org;maddr=192.0.2.1 SIP/2.0\r\n"
    b"TO :\r\n <sip:desk@example.org> ;   tag\t= earlier\r\n"
    b'f : "Carol \\\\\\"" <sip:carol@example.org>\r\n  ;\r\n  tag = c1\r\n'
    b"MAX-forwards: 0070\r\n"
    b"i: odd.space@192.0.2.7\r\n"
    b"cSeq: 0007\r\n  INVITE\r\n"
    b"Via : SIP /2.0\r\n\t/ UDP 192.0.2.7 ; branch=z9hG4bKfirst\r\n"
    b"v: SIP/ 2.0 /TCP\r\n relay.example.org; branch\t= z9hG4bKsecond\r\n"
    b"  , SIP  /    2.0   / UDP  192.0.2.9 ; received=192.0.2.8\r\n"
    b"X-Odd: ;;,,;;\r\n"
    b"c: application/sdp\r\n"
    b"m: <sip:carol@192.0.2.7> ; colour = blue\r\n"
    b"l: 5\r\n"
    b"\r\n"
    b"v=0\r\n"
)

MESSAGES: dict[str, tuple[bytes, str]] = {
    # Valid, if unusual.
    "odd space and folded headers": (ODD_SPACE, "481"),
    "an unknown method of odd characters": (request("!ask%.*_+`'~"), "501"),
    "an escaped user": (request("INVITE", "sip:sips%3Auser%40example.org@example.net"), "100"),
    "no escape in a method": (request("OP%54IONS"), "501"),
    "a parameter of the user": (request(uri="sip:user;par=u%40example.net@example.org"), "200"),
    "whitespace in lists": (request(Accept="application/sdp  ,\t text/plain"), "200"),
    "unknown transports": (
        request(more="Via: SIP/2.0/NEW 192.0.2.2;branch=z9hG4bKnew\r\n"),
        "200",
    ),
    "a long header": (request("INVITE", X_Long="long" * 900), "100"),
    "hops at an end": (request(Max_Forwards="0"), "200"),
    "no branch after the cookie": (
        request(Via="SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK"),
        "200",
    ),
    "an unknown date": (request("INVITE", Date="Fri, 01 Jan 2010 16:00:00 EST"), "100"),
    # Invalid.
    "a quote that is not closed": (request(To='"Desk <sip:desk@example.org>'), "400"),
    "a length below zero": (request(Content_Length="-999"), "400"),
    "a length above the body's": (request(body="v=0\r\n", Content_Length="9999"), "400"),
    "two lengths": (request(more="Content-Length: 9\r\n"), "400"),
    "numbers too large": (request(CSeq="36893488147419103232 OPTIONS"), "400"),
    "a URI in angle brackets": (request(uri="<sip:desk@example.org>"), "400"),
    "whitespace in a URI": (request(uri="sip:desk@example.org; lr"), "400"),
    "whitespace before the version": (
        request(line="OPTIONS  sip:desk@example.org  SIP/2.0"),
        "400",
    ),
    "whitespace after the version": (request(line="OPTIONS sip:desk@example.org SIP/2.0  "), "400"),
    "another version": (request(version="SIP/7.0", Via="SIP/7.0/UDP c.example.org"), "505"),
    "another method in CSeq": (request(CSeq="1 INVITE"), "400"),
    "another and unknown method": (request("NEWMETHOD", CSeq="1 INVITE"), "501"),
    "headers that are missing": (request(Call_ID=None, From=None, To=None), "400"),
    "single headers twice": (
        request(more="CSeq: 2 OPTIONS\r\nCall-ID: other@192.0.2.7\r\n"),
        "400",
    ),
    "an unknown scheme": (request(uri="unheardof:desk"), "416"),
    "an extension that is required": (
        request(Require="firstUnknown, secondUnknown"),
        "420",
    ),
    # Responses: of those nothing is answered, be they well formed or not.
    "a reason in another script": (response("SIP/2.0 200 да ; = 1+1"), ""),
    "no reason": (response("SIP/2.0 100 "), ""),
    "a status too large": (response("SIP/2.0 4294967301 Too large"), ""),
    "another host's Via": (response("SIP/2.0 200 OK", Via="SIP/2.0/UDP 192.0.2.99"), ""),
}
"""Each message and the status it is answered with, if at all."""
