"""What Meta refuses in a template is found here first, with its path."""

import json

import msgspec
import pytest

from tidings.domain.templates.components import Component, Draft, read_draft
from tidings.domain.templates.faults import TemplateFault
from tidings.domain.templates.rules import check

DELIVERY = """{"name":"delivery_eta_v2","language":"en_GB","category":"UTILITY",
 "parameter_format":"positional",
 "components":[
  {"type":"HEADER","format":"DOCUMENT","example":{"header_handle":["4::aW1hZ2UvcG5n:DEMO"]}},
  {"type":"BODY","text":"Hello {{1}}, your parcel arrives at about {{2}} today. We will ring twice.",
   "example":{"body_text":[["Rowan","14:30"]]}},
  {"type":"FOOTER","text":"Hale Parcels"},
  {"type":"BUTTONS","buttons":[
    {"type":"QUICK_REPLY","text":"Change time"},
    {"type":"URL","text":"Track","url":"https://parcels.example/t/{{1}}",
     "example":["https://parcels.example/t/9F2K"]}]}]}"""
WELCOME = """{"name":"welcome_named","language":"en","category":"MARKETING","parameter_format":"named",
 "components":[
  {"type":"HEADER","format":"TEXT","text":"News from {{shop}} today",
   "example":{"header_text_named_params":[{"param_name":"shop","example":"Hale Parcels"}]}},
  {"type":"BODY","text":"Hi {{first_name}}, order {{order_ref}} earns a treat. See below.",
   "example":{"body_text_named_params":[{"param_name":"first_name","example":"Rowan"},
                                        {"param_name":"order_ref","example":"9F2K"}]}},
  {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Stop promotions"}]}]}"""
LOGIN = """{"name":"login_code","language":"en_GB","category":"AUTHENTICATION","message_send_ttl_seconds":300,
 "components":[
  {"type":"BODY","add_security_recommendation":true},
  {"type":"FOOTER","code_expiration_minutes":5},
  {"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE","text":"Copy code"}]}]}"""
OFFER = """{"name":"spring_lto","language":"en_GB","category":"MARKETING",
 "components":[
  {"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::aW1hZ2UvcG5n:DEMO"]}},
  {"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Ends soon","has_expiration":true}},
  {"type":"BODY","text":"Hi {{1}}, 15% off any box this week only.","example":{"body_text":[["Rowan"]]}},
  {"type":"BUTTONS","buttons":[
    {"type":"COPY_CODE","example":"BOX15"},
    {"type":"URL","text":"Shop","url":"https://parcels.example/{{1}}",
     "example":["https://parcels.example/spring"]}]}]}"""
CAROUSEL = """{"name":"boxes_carousel","language":"en_GB","category":"MARKETING",
 "components":[
  {"type":"BODY","text":"Two picks for you, {{1}}, this week.","example":{"body_text":[["Rowan"]]}},
  {"type":"CAROUSEL","cards":[
   {"components":[
     {"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::aW1hZ2UvcG5n:A"]}},
     {"type":"BODY","text":"Small box, {{1}} pounds each.","example":{"body_text":[["10"]]}},
     {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"More like this"},
      {"type":"URL","text":"Buy","url":"https://parcels.example/{{1}}",
       "example":["https://parcels.example/small"]}]}]},
   {"components":[
     {"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::aW1hZ2UvcG5n:B"]}},
     {"type":"BODY","text":"Big box, {{1}} pounds each.","example":{"body_text":[["15"]]}},
     {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"More like this"},
      {"type":"URL","text":"Buy","url":"https://parcels.example/{{1}}",
       "example":["https://parcels.example/big"]}]}]}]}]}"""
ALL = [DELIVERY, WELCOME, LOGIN, OFFER, CAROUSEL]


def draft(raw: str, **changes: object) -> Draft:
    found, faults = read_draft({**json.loads(raw), **changes})
    assert found is not None, faults
    return found


def rules(draft: Draft) -> set[tuple[str, str]]:
    return {(f.path, f.rule) for f in check(draft)}


def body(text: str, *examples: str, **changes: object) -> Draft:
    component = {"type": "BODY", "text": text, "example": {"body_text": [list(examples)]}}
    return draft(DELIVERY, components=[component], **changes)


@pytest.mark.parametrize("raw", ALL)
def test_each_kind_of_template_passes_and_encodes_to_metas_json_again(raw):
    found = draft(raw)
    assert check(found) == ()
    assert json.loads(msgspec.json.encode(found)) == {
        k: v for k, v in json.loads(raw).items() if (k, v) != ("parameter_format", "positional")
    }


def test_words_of_meta_are_read_in_any_case():
    assert draft(DELIVERY.replace("HEADER", "header").replace("DOCUMENT", "document")) == draft(DELIVERY)


def test_what_cannot_be_read_is_told_with_its_path():
    raw = json.loads(DELIVERY)
    raw["components"][1]["text"] = 7
    raw["components"][3]["buttons"][0]["type"] = "DANCE"
    del raw["name"]
    found, faults = read_draft(raw)
    assert found is None
    assert [f.field for f in faults] == [
        "components[1].text",
        "components[3].buttons[0].type",
        "name",
    ]


@pytest.mark.parametrize(
    ("text", "examples", "subcode"),
    [
        ("{{1}} is what you ordered from us.", ["tea"], 2388299),
        ("*{{1}}* is what you ordered from us.", ["tea"], 2388299),
        ("What you ordered from us is {{1}}.", ["tea"], 2388299),
        ("We send {{1}} and {{3}} to your house this week.", ["a", "b"], 2388072),
        ("We send {{x$}} to your house this week.", ["a"], 2388072),
        ("We send {{1} to your house this week.", [], 2388072),
        ("We send {{1}} to {{name}} in this week of weeks.", ["a", "b"], 2388072),
        ("We send {{ 1 }} to your house.", ["a"], 2388072),
        ("We send {{1}} to your house this week.", [], 2388043),
        ("We send {{1}} to your house this week.", ["a", "b"], 2388043),
        ("We send {{1}} to your house this week.", [""], 2388043),
        ("Hi {{1}}, {{2}}, {{3}} now", ["a", "b", "c"], 2388293),
        ("x" * 1025, [], 2388040),
    ],
)
def test_a_body_that_meta_refuses_is_refused_with_its_subcode(text, examples, subcode):
    assert [f.subcode for f in check(body(text, *examples))] == [subcode]


def test_variables_that_touch_are_accepted_and_then_rejected_in_review():
    faults = check(body("We bring {{1}} {{2}} to your house early today.", "a", "b"))
    assert [(f.rule, f.subcode, f.rejection) for f in faults] == [
        ("adjacent_variables", None, "INVALID_FORMAT")
    ]


def test_scripts_without_spaces_have_words_too():
    assert check(body("您好{{1}}，您的包裹今天送达。", "Rowan", language="zh_CN")) == ()


def test_every_fault_is_found_at_once():
    raw = json.loads(DELIVERY)
    raw["name"] = "Delivery ETA"
    raw["language"] = "xx"
    raw["message_send_ttl_seconds"] = 5
    raw["components"][0] = {"type": "HEADER", "format": "TEXT", "text": "*Order* {{1}} {{2}} 🎉\n"}
    raw["components"][2] = {"type": "FOOTER", "text": "from {{1}} " + "x" * 60}
    raw["components"][3]["buttons"] = [
        {"type": "QUICK_REPLY", "text": "a"},
        {"type": "URL", "text": "Track *now* and for ever and ever", "url": "https://a.example/{{1}}/x"},
        {"type": "QUICK_REPLY"},
        {"type": "PHONE_NUMBER", "text": "Ring", "phone_number": "call me"},
        {"type": "OTP", "otp_type": "COPY_CODE"},
    ]
    found, faults = read_draft(raw)
    assert faults == ()
    assert rules(found) == {
        ("name", "name"),
        ("language", "language"),
        ("message_send_ttl_seconds", "range"),
        ("components[0].text", "formatting"),
        ("components[0].text", "emoji"),
        ("components[0].text", "line_break"),
        ("components[0].text", "variables"),
        ("components[0].example", "example"),
        ("components[2].text", "max_length"),
        ("components[2].text", "variables"),
        ("components[3].buttons", "grouped"),
        ("components[3].buttons", "alone"),
        ("components[3].buttons[1].text", "max_length"),
        ("components[3].buttons[1].text", "formatting"),
        ("components[3].buttons[1].url", "variable_last"),
        ("components[3].buttons[1].example", "example"),
        ("components[3].buttons[2].text", "required"),
        ("components[3].buttons[3].phone_number", "phone"),
    }


def test_a_bad_phone_button_answers_metas_code_192():
    raw = json.loads(DELIVERY)
    raw["components"][3]["buttons"] = [{"type": "PHONE_NUMBER", "text": "Ring", "phone_number": "x"}]
    assert [f.code for f in check(draft(json.dumps(raw)))] == [192]


@pytest.mark.parametrize(
    ("raw", "change", "rule"),
    [
        (OFFER, lambda cs: cs.append({"type": "FOOTER", "text": "x"}), ("components", "footer")),
        (OFFER, lambda cs: cs[3]["buttons"].reverse(), ("components[3].buttons", "order")),
        (
            OFFER,
            lambda cs: cs[2].update(text="x" * 601, example=None),
            ("components[2].text", "max_length"),
        ),
        (CAROUSEL, lambda cs: cs[1]["cards"].pop(), ("components[1].cards", "items")),
        (
            CAROUSEL,
            lambda cs: cs[1]["cards"][0]["components"].pop(1),
            ("components[1].cards", "same_shape"),
        ),
        (CAROUSEL, lambda cs: cs.append({"type": "FOOTER", "text": "x"}), ("components", "alone")),
        (LOGIN, lambda cs: cs.pop(), ("components", "required")),
        (
            LOGIN,
            lambda cs: cs[1].update(code_expiration_minutes=91),
            ("components[1].code_expiration_minutes", "range"),
        ),
        (
            LOGIN,
            lambda cs: cs[2]["buttons"][0].update(otp_type="ONE_TAP"),
            ("components[2].buttons[0].supported_apps", "items"),
        ),
        (
            LOGIN,
            lambda cs: cs.append({"type": "HEADER", "format": "TEXT", "text": "x"}),
            ("components", "category"),
        ),
    ],
)
def test_special_templates_have_their_own_rules(raw, change, rule):
    raw = json.loads(raw)
    change(raw["components"])
    assert rules(draft(json.dumps(raw))) == {rule}


def test_a_fault_reads_as_a_fault_of_ours():
    fault = TemplateFault(path="name", rule="name", message="no")
    assert (fault.fault.field, fault.fault.rule, fault.fault.message) == ("name", "name", "no")


def test_components_decode_strictly_as_a_union():
    component = msgspec.json.decode(b'{"type":"FOOTER","text":"x"}', type=Component)
    assert msgspec.json.encode(component) == b'{"type":"FOOTER","text":"x"}'
