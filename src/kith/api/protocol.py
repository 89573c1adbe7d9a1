"""uvicorn's HTTP protocol, with malformed HTTP refused in Kith's own shape."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kith.api import answers
from kith.errors import Malformed


class Protocol(HttpToolsProtocol):
    def send_400_response(self, msg: str) -> None:
        """Answer 400 as JSON and close (reliability section 2)."""
        body = answers.refusal(Malformed("This is not an HTTP request that Kith can read.")).body
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        self.transport.close()
