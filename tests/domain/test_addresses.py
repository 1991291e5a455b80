"""Which addresses may be public, by their writing."""

import pytest

from tidings.domain.addresses import is_public


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com",
        "http://shop.example.com:8080/a?b#c",
        "https://xn--bcher-kva.example/å",
        "https://1.example.org/x",
        "HTTPS://SHOP.EXAMPLE.ORG.",
    ],
)
def test_a_host_with_a_public_name_is_taken(url):
    assert is_public(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "http://shop.localhost",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://0x7f.0.0.0x1/",
        "http://0x7f.1",
        "http://2130706433",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://printer.local",
        "http://metadata.google.internal/",
        "http://user@shop.example.com",
        "http://shop.example.com@10.0.0.1/",
        "ftp://shop.example.com",
        "file:///etc/passwd",
        "//shop.example.com",
        "https://shop",
        "https://shop.example.com/a b",
        "",
    ],
)
def test_what_points_inside_or_nowhere_is_refused(url):
    assert not is_public(url)
