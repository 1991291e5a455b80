"""Forms with a file, as the API takes them."""

from collections.abc import Mapping
from hashlib import sha256
from mimetypes import guess_type


def multipart(fields: Mapping[str, str], file: tuple[str, bytes]) -> tuple[bytes, str]:
    """The body and its content type; the file's field is called `file`."""
    name, content = file
    boundary = f"tidings-{sha256(content).hexdigest()}"
    parts: list[bytes] = []
    for field, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'
        parts += [head.encode(), value.encode(), b"\r\n"]
    safe = name.replace("\\", "_").replace('"', "_").replace("\r", " ").replace("\n", " ")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{safe}"\r\n'
        f"Content-Type: {guess_type(name)[0] or 'application/octet-stream'}\r\n\r\n"
    )
    parts += [head.encode(), content, b"\r\n", f"--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
