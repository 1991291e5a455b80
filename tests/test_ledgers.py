"""The checker finds each kind of breach; a checker that cannot fail proves nothing."""

from tidings.testing.ledgers import Row, Taken, check

TOTALS = dict.fromkeys(
    [
        "planned",
        "pending",
        "sending",
        "unknown",
        "accepted",
        "sent",
        "delivered",
        "read",
        "failed",
        "skipped",
    ],
    0,
)
READ = Taken(wamid="w1", to="447700900001", status="read")
ROW = Row(phone="+447700900001", state="read", wamid="w1")


def found(taken, rows, **counts):
    return [breach.invariant for breach in check(taken, rows, {**TOTALS, **counts})]


def test_a_clean_campaign_has_no_breach():
    assert found([READ], [ROW], planned=1, read=1) == []


def test_two_messages_to_one_person_are_found():
    again = Taken(wamid="w2", to="447700900001", status="read")
    assert "I1" in found([READ, again], [ROW], planned=1, read=1)


def test_a_forgotten_person_is_found():
    assert found([], [Row(phone="+1", state="pending")], planned=1, pending=1) == ["I2"]


def test_a_skip_without_a_reason_is_found():
    assert found([], [Row(phone="+1", state="skipped")], planned=1, skipped=1) == ["I2"]


def test_wrong_totals_are_found():
    assert found([READ], [ROW], planned=1, delivered=1) == ["I3", "I3"]


def test_a_lost_status_is_found():
    delivered = Row(phone="+447700900001", state="delivered", wamid="w1")
    assert found([READ], [delivered], planned=1, delivered=1) == ["I5"]


def test_a_lost_message_is_found():
    unknown = Row(phone="+447700900001", state="unknown")
    assert found([READ], [unknown], planned=1, unknown=1) == ["I4"]
