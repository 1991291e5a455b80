"""What is sent and what is shown are the same words."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.test_templates_rules import CAROUSEL, DELIVERY, LOGIN, OFFER, WELCOME, draft
from tidings.domain.templates.components import Body, Draft, Example, Header, HeaderFormat
from tidings.domain.templates.filled import Filled, TextValue
from tidings.domain.templates.filling import mould, render
from tidings.domain.templates.preview import preview, samples, shown
from tidings.domain.templates.refusals import MissingValues
from tidings.domain.templates.slots import required, slots
from tidings.testing.strategies_templates import fillable

SENT = {
    DELIVERY: (
        {
            "header": "880011223344560",
            "header.filename": "docket.pdf",
            "body.1": "Rowan",
            "body.2": "14:30",
            "button.0": "RESCHEDULE:9F2K",
            "button.1": "9F2K",
        },
        """[{"type":"header","parameters":[{"type":"document","document":{"id":"880011223344560","filename":"docket.pdf"}}]},
   {"type":"body","parameters":[{"type":"text","text":"Rowan"},{"type":"text","text":"14:30"}]},
   {"type":"button","sub_type":"quick_reply","index":0,"parameters":[{"type":"payload","payload":"RESCHEDULE:9F2K"}]},
   {"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"9F2K"}]}]""",
    ),
    WELCOME: (
        {"shop": "Hale Parcels", "first_name": "Rowan", "order_ref": "9F2K"},
        """[{"type":"header","parameters":[{"type":"text","parameter_name":"shop","text":"Hale Parcels"}]},
  {"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"Rowan"},
   {"type":"text","parameter_name":"order_ref","text":"9F2K"}]}]""",
    ),
    LOGIN: (
        {"code": "481920"},
        """[{"type":"body","parameters":[{"type":"text","text":"481920"}]},
  {"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"481920"}]}]""",
    ),
    OFFER: (
        {
            "header": "880011223344561",
            "1": "Rowan",
            "offer.expires_at": "1793491200000",
            "button.0": "BOX15",
            "button.1": "spring?c=BOX15",
        },
        """[{"type":"header","parameters":[{"type":"image","image":{"id":"880011223344561"}}]},
  {"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1793491200000}}]},
  {"type":"body","parameters":[{"type":"text","text":"Rowan"}]},
  {"type":"button","sub_type":"copy_code","index":0,"parameters":[{"type":"coupon_code","coupon_code":"BOX15"}]},
  {"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"spring?c=BOX15"}]}]""",
    ),
    CAROUSEL: (
        {
            "body.1": "Rowan",
            "card.0.header": "880011223344562",
            "card.0.body.1": "10",
            "card.0.button.0": "MORE:small",
            "card.0.button.1": "small",
            "card.1.header": "880011223344563",
            "card.1.body.1": "15",
            "card.1.button.0": "MORE:big",
            "card.1.button.1": "big",
        },
        """[{"type":"body","parameters":[{"type":"text","text":"Rowan"}]},
  {"type":"carousel","cards":[
   {"card_index":0,"components":[
     {"type":"header","parameters":[{"type":"image","image":{"id":"880011223344562"}}]},
     {"type":"body","parameters":[{"type":"text","text":"10"}]},
     {"type":"button","sub_type":"quick_reply","index":0,"parameters":[{"type":"payload","payload":"MORE:small"}]},
     {"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"small"}]}]},
   {"card_index":1,"components":[
     {"type":"header","parameters":[{"type":"image","image":{"id":"880011223344563"}}]},
     {"type":"body","parameters":[{"type":"text","text":"15"}]},
     {"type":"button","sub_type":"quick_reply","index":0,"parameters":[{"type":"payload","payload":"MORE:big"}]},
     {"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"big"}]}]}]}]""",
    ),
}


@pytest.mark.parametrize("raw", list(SENT))
def test_each_kind_of_template_is_sent_as_meta_writes_it(raw):
    values, sent = SENT[raw]
    assert json.loads(msgspec.json.encode(render(draft(raw).components, values))) == json.loads(sent)


@pytest.mark.parametrize("raw", list(SENT))
def test_every_missing_value_is_named_with_its_place(raw):
    components = draft(raw).components
    with pytest.raises(MissingValues) as refused:
        render(components, {})
    assert [f.field for f in refused.value.faults] == [s.key for s in required(components)]
    assert {f.rule for f in refused.value.faults} == {"required"}


def test_a_missing_value_names_component_and_placeholder():
    with pytest.raises(MissingValues) as refused:
        render(draft(DELIVERY).components, {"header": "1", "body.1": "Rowan", "body.2": " ", "button.1": "x"})
    assert refused.value.faults[0].message == "needs a value: body {{2}}"


def test_the_preview_is_what_a_person_reads():
    values, _ = SENT[DELIVERY]
    assert preview(draft(DELIVERY).components, values).text == (
        "[docket.pdf]\n"
        "Hello Rowan, your parcel arrives at about 14:30 today. We will ring twice.\n"
        "Hale Parcels\n"
        "[Change time]\n"
        "[Track] https://parcels.example/t/9F2K"
    )
    assert preview(draft(LOGIN).components, {"code": "481920"}).text == (
        "481920 is your verification code. For your security, do not share this code.\n"
        "This code expires in 5 minutes.\n"
        "[Copy code] 481920"
    )


@pytest.mark.parametrize("raw", list(SENT))
def test_a_template_can_be_looked_at_with_its_own_examples(raw):
    components = draft(raw).components
    assert preview(components, samples(components) | {"header.latitude": "0"}).text


@settings(deadline=None)
@given(fillable())
def test_the_words_sent_stand_in_the_preview(pair):
    template, values = pair
    sent = render(template.components, values)
    seen = shown(template.components, sent)
    assert seen == preview(template.components, values)
    for part in [*sent, *(c for f in sent for card in f.cards for c in card.components)]:
        for value in part.parameters:
            if isinstance(value, TextValue):
                assert value.text in seen.text


@settings(deadline=None)
@given(fillable())
def test_what_is_filled_in_survives_the_wire(pair):
    template, values = pair
    sent = render(mould(template.components), values)
    assert msgspec.json.decode(msgspec.json.encode(sent), type=tuple[Filled, ...]) == sent
    assert msgspec.json.decode(msgspec.json.encode(template), type=Draft) == template


@settings(deadline=None)
@given(fillable(), st.data())
def test_leaving_a_required_value_out_is_always_told(pair, data):
    template, values = pair
    needed = [s for s in required(template.components)]
    if not needed or template.category == "AUTHENTICATION":
        return
    left_out = data.draw(st.sampled_from(needed))
    values = {k: v for k, v in values.items() if k != left_out.key}
    with pytest.raises(MissingValues) as refused:
        render(template.components, values)
    assert left_out.key in [f.field for f in refused.value.faults]


@settings(deadline=None)
@given(fillable(), st.data())
def test_what_quickly_fits_has_no_fault(pair, data):
    template, values = pair
    ready, odd = mould(template.components), st.sampled_from(["", " ", "x" * 200, "a\nb", "x" * 1000])
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(values)), odd)) if values else {}
    for given_values in (values, {**values, **changed}):
        if ready.fits(given_values):
            render(ready, given_values)


def test_plain_text_that_has_room_is_known_to_fit():
    ready = mould([Body(text="Hi {{1}} and {{1}}")])
    assert ready.fits({"body.1": "x" * 400})
    assert not ready.fits({"body.1": "x" * 600})
    assert not ready.fits({"body.1": " "})
    assert not ready.fits({})


@pytest.mark.parametrize(
    ("component", "values", "rule"),
    [
        (Header(format=HeaderFormat.IMAGE), {"header": "http://a.example/x.jpg"}, "media"),
        (Header(format=HeaderFormat.LOCATION), {"header.latitude": "91", "header.longitude": "0"}, "number"),
        (Header(format=HeaderFormat.LOCATION), {"header.latitude": "x", "header.longitude": "0"}, "number"),
        (Header(format=HeaderFormat.TEXT, text="Hi {{1}}"), {"header.1": "x" * 58}, "max_length"),
        (Body(text="Hi {{1}} there", example=Example()), {"1": "x" * 1016}, "max_length"),
        (Body(text="Hi {{1}} and {{1}} and {{1}} there"), {"1": "x" * 400}, "max_length"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(component, values, rule):
    with pytest.raises(MissingValues) as refused:
        render([component], values)
    assert [f.rule for f in refused.value.faults] == [rule]


def test_line_breaks_in_a_value_become_a_space_and_links_are_encoded():
    components = draft(DELIVERY).components
    values = {"header": "1", "body.1": "Ro\nwan", "body.2": "a     b", "button.1": "é %20/?x=1"}
    sent = render(components, values)
    assert sent[1].parameters == (TextValue(text="Ro wan"), TextValue(text="a b"))
    assert sent[2].parameters == (TextValue(text="%C3%A9%20%20/?x=1"),)


def test_a_value_is_never_filled_in_itself():
    body = Body(text="Hi {{1}} and {{2}} there")
    assert preview([body], {"1": "{{2}}", "2": "you"}).body == "Hi {{2}} and you there"


def test_slots_tell_what_they_want():
    found = {s.key: (s.what, s.required, s.example) for s in slots(draft(DELIVERY).components)}
    assert found == {
        "header": ("header document", True, None),
        "header.filename": ("header filename", False, None),
        "body.1": ("body {{1}}", True, "Rowan"),
        "body.2": ("body {{2}}", True, "14:30"),
        "button.0": ("button 0 (Change time)", False, None),
        "button.1": ("button 1 (Track)", True, "9F2K"),
    }
